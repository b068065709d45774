"""How independent the true factors of scenes are: what directions of a perfect generator could reach.

python benchmarks/factors.py     seconds; writes benchmarks/results/factors.json
"""

import itertools

import torch

from orojar_finetune.measures.direction_set import effective_directions, off_diagonal_cos2, off_diagonal_share
from orojar_finetune.scenes.rendering import FACTORS, render, sample_factors
from results import write

SCENES, RESOLUTION, STEP = 512, 64, 0.01
FACTOR_VARIANCE = 1 / 12
"""Of a number that is uniform in [0, 1]."""
MARGIN = 0.02
"""Factors keep away from the ends of their range, so that both sides of a step are scenes."""


def main() -> None:
    """Measures the Jacobian of the renderer."""
    torch.set_num_threads(1)
    factors = MARGIN + (1 - 2 * MARGIN) * sample_factors(SCENES, torch.Generator().manual_seed(0))
    steps = STEP * torch.eye(len(FACTORS))
    changes = [(render(factors + s, RESOLUTION) - render(factors - s, RESOLUTION)).flatten(1) / (2 * STEP) for s in steps]
    jacobian = torch.stack(changes, dim=1).double()
    grams = jacobian @ jacobian.transpose(1, 2)
    scale = grams.diagonal(dim1=1, dim2=2).sqrt()
    cosines = (grams / (scale[:, :, None] * scale[:, None, :])).square().mean(dim=0)
    both = itertools.combinations(range(len(FACTORS)), 2)
    pairs = {f"{FACTORS[i]}, {FACTORS[j]}": round(cosines[i, j].item(), 4) for i, j in both}
    variance = render(factors, RESOLUTION).flatten(1).var(dim=0).sum()
    activity = grams.diagonal(dim1=1, dim2=2).mean(dim=0) * FACTOR_VARIANCE / variance
    found = {
        "off_diagonal_cos2": off_diagonal_cos2(grams).mean().item(),
        "off_diagonal_share": off_diagonal_share(grams).mean().item(),
        "effective_directions": effective_directions(grams).mean().item(),
        "pairs": dict(sorted(pairs.items(), key=lambda pair: -pair[1])),
        "activity": {name: round(value, 4) for name, value in zip(FACTORS, activity.tolist(), strict=True)},
        "lowest_off_diagonal_cos2": {n: round(welch(n, len(FACTORS)), 4) for n in range(len(FACTORS), 17)},
    }
    for name, value in found.items():
        print(f"{name}: {value}")
    write("factors", 0, found)


def welch(directions: int, ways: int) -> float:
    """The lowest mean squared cosine of unit vectors in so many dimensions (Welch, 1974): more of them cannot be orthogonal."""
    return max(0.0, (directions / ways - 1) / (directions - 1))


if __name__ == "__main__":
    main()
