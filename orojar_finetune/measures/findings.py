"""The results of an evaluation: figures with intervals, figures per direction, matrices and curves; also as plain data."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """A figure with its interval.

    Attributes:
        value: what was measured.
        low: lower end of its 95 % interval over latents, if there is one (for the recall over real images; for
            predictabilities the smallest over seeds).
        high: upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """Returns the rounded value, with the interval in brackets if there is one."""
        ends = "" if self.low is None or self.high is None else f" [{digits(self.low)}, {digits(self.high)}]"
        return digits(self.value) + ends

    def over(self, unit: float) -> "Figure":
        """The same in other units."""
        return Figure(self.value / unit, *(None if end is None else end / unit for end in (self.low, self.high)))

    def described(self) -> dict[str, float]:
        """As plain data."""
        return {key: value for key, value in self._asdict().items() if value is not None}


def digits(value: float) -> str:
    """Returns a number with three decimals, or two significant digits if it is small."""
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


class Matrix(NamedTuple):
    """A table of numbers, one row per direction, with columns such as the true factors."""

    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


class Curve(NamedTuple):
    """Lines over a common axis."""

    axis: str
    x: tuple[float, ...]
    lines: dict[str, tuple[float, ...]]


@dataclass
class Findings:
    """The results for one generator with one direction set.

    Attributes:
        name: of the column.
        directions: names of the directions, most active first.
        figures: numbers for the whole set.
        of_directions: numbers per direction.
        matrices: numbers per direction and something else.
        curves: lines to draw.
        notes: what was left out and why, and other remarks.
    """

    name: str
    directions: tuple[str, ...] = ()
    figures: dict[str, Figure] = field(default_factory=dict)
    of_directions: dict[str, tuple[Figure, ...]] = field(default_factory=dict)
    matrices: dict[str, Matrix] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Adds the results of another evaluation."""
        self.figures |= other.figures
        self.of_directions |= other.of_directions
        self.matrices |= other.matrices
        self.curves |= other.curves
        self.notes += [note for note in other.notes if note not in self.notes]

    def described(self) -> dict[str, Any]:
        """As plain data, for metrics.json."""
        return {
            "name": self.name,
            "figures": {name: figure.described() for name, figure in self.figures.items()},
            "of_directions": {
                name: {direction: figure.described() for direction, figure in zip(self.directions, figures, strict=True)}
                for name, figures in self.of_directions.items()
            },
            "matrices": {
                name: {
                    direction: dict(zip(matrix.columns, row, strict=True))
                    for direction, row in zip(self.directions, matrix.rows, strict=True)
                }
                for name, matrix in self.matrices.items()
            },
            "curves": {name: curve._asdict() for name, curve in self.curves.items()},
            "notes": self.notes,
        }


class Meaning(NamedTuple):
    """The meaning of a figure."""

    words: str
    """A sentence for the legend."""
    better: str = ""
    """`lower`, `higher`, or nothing where neither is better by itself."""


MEANINGS: dict[str, Meaning] = {
    "off_diagonal_share": Meaning(
        "|offdiag(G)|² / |G|² for G = JᵀJ of the image along the directions in sigmas; 0 is orthogonal", "lower"
    ),
    "effective_directions": Meaning("(sum g_ii)² / sum g_ii²: how many directions change the image about equally"),
    "off_diagonal_cos2": Meaning("mean squared cosine between the changes that two directions make; 0 is orthogonal", "lower"),
    "off_diagonal_share of layers": Meaning(
        "the same share for activations, averaged over layers (by default the last of each resolution)", "lower"
    ),
    "off_diagonal_cos2 of layers": Meaning("the mean squared cosine, averaged over the same layers", "lower"),
    "activity": Meaning(
        "mean squared change of the image by one sigma, over the variance of images; 2 for two unrelated images"
    ),
    "activeness": Meaning("variance of the image between -2, 0 and 2 sigmas (Peebles et al., 2020)"),
    "path length in z": Meaning("PPL: squared distance per step, over the step squared, between random latents in z", "lower"),
    "path length in w": Meaning("the same in w", "lower"),
    "path length along directions": Meaning("PIPL: the same along the directions, for a step of one sigma (Song et al., 2023)"),
    "traversal length": Meaning("length of the path of images from -2 to 2 sigmas of a direction"),
    "frechet distance": Meaning(
        "between features of real and generated images, over the variance of the real ones' features", "lower"
    ),
    "frechet distance, undivided": Meaning(
        "the same in squared units of the features; for Inception features it is FID", "lower"
    ),
    "kernel distance": Meaning("squared maximum mean discrepancy of the same features, by KID's estimator", "lower"),
    "precision": Meaning("fraction of generated images that lie among the real ones", "higher"),
    "recall": Meaning("fraction of real images that lie among the generated ones", "higher"),
    "preservation": Meaning("cosine similarity of features before and after an edit of 2 sigmas, both ways"),
    "preservation of identity": Meaning("the same for the features of a recognition network"),
    "predictability, best epoch": Meaning("VP: how often a network recognizes which direction changed, on unseen pairs"),
    "predictability, last epoch": Meaning("the same after the last epoch", "higher"),
    "predictability, by chance": Meaning("accuracy of guessing"),
    "disentanglement": Meaning(
        "whether each direction moves one true factor, by DCI's formula on what a step changes; 1 is perfect", "higher"
    ),
    "completeness": Meaning("whether each true factor is moved by one direction, by the same formula; 1 is perfect", "higher"),
    "mutual information gap": Meaning("MIG: the gap between the most informative code of each factor and the next", "higher"),
    "unmoved factors": Meaning("true factors that no direction moves by a third of their standard deviation", "lower"),
    "seconds": Meaning("search time"),
    "images generated": Meaning("during the search"),
}
"""By name, in the order of the tables."""


def title(name: str) -> str:
    """A figure's name as people read it, such as `off-diagonal cos²`."""
    return name.replace("off_diagonal_", "off-diagonal ").replace("cos2", "cos²").replace("_", " ")
