"""What can be typed: one dataclass a verb, its docstring and fields are its help. Nothing heavy is imported here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from orojar_finetune.config import (
    FLAT,
    CompareConfig,
    DiscoverConfig,
    EvaluateConfig,
    FinetuneConfig,
    TrainConfig,
)
from orojar_finetune.sharing import Previews

Source = Annotated[
    str,
    tyro.conf.Positional,
    tyro.conf.arg(
        help="A file, a model folder, user/repo, user/repo/sub/folder, user/repo/file.pkl, or an address on the Hub."
    ),
]
Revision = Annotated[str | None, tyro.conf.arg(help="Branch, tag or commit on the Hub.")]
Pictures = Annotated[
    Previews,
    tyro.conf.arg(help="Pictures in the model folder: none, small (for the card), or full (larger, with a longer animation)."),
]
Split = Annotated[str, tyro.conf.arg(help="Split of a Hub dataset.")]
ImageColumn = Annotated[
    str | None, tyro.conf.arg(help="Column of a Hub dataset that holds the images. If not set: the first such column.")
]
Force = Annotated[bool, tyro.conf.arg(help="Accept directions that were found on other weights.")]


@dataclass(frozen=True)
class Demo:
    """Runs everything on the bundled generator: finds directions, fine-tunes, measures both, writes a model folder.

    Takes minutes, without network or GPU.
    """

    output_dir: Path = Path("orojar-demo")
    """Folder of the run; the model folder is `model` in it."""
    seed: int = 0
    """Seed of everything random."""
    steps: int = 200
    """Training steps of the fine-tune."""


@dataclass(frozen=True)
class Inspect:
    """Prints what a checkpoint is, without running anything inside: family, sizes, license, the names its pickle asks for."""

    source: Source
    revision: Revision = None
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Convert:
    """Converts a checkpoint to a model folder with safetensors, or to files for another project.

    A StyleGAN2 discriminator is converted along with its generator.
    """

    source: Source
    target: Annotated[Path, tyro.conf.Positional]
    """What to write: a model folder, or a new file with `--to nvlabs` or `--to rosinality`."""
    to: Literal["folder", "nvlabs", "rosinality"] = "folder"
    """folder: a model folder. nvlabs: StyleGAN2 state dicts for NVlabs' PyTorch classes (.safetensors or .pt).
    rosinality: StyleGAN2 for stylegan2-pytorch (.pt). A .json beside either file states source, license and how to load it."""
    revision: Revision = None
    previews: Pictures = "small"


@dataclass(frozen=True)
class Discover:
    """Finds independent latent directions of a generator and writes a model folder with a preview of each.

    Also runs under `accelerate launch -m orojar_finetune discover ...`: the processes share the work.
    """

    source: Source
    output_dir: Path | None = None
    """Model folder to write. If not set: the source if it is a model folder, otherwise NAME-orojar."""
    revision: Revision = None
    name: str | None = None
    """Name of the direction set. If not set: its method."""
    previews: Pictures = "small"
    config: Annotated[DiscoverConfig, FLAT] = field(default_factory=DiscoverConfig)


@dataclass(frozen=True)
class Finetune:
    """Fine-tunes a generator so that its directions become independent, and writes a model folder.

    Needs no data: without it, samples from the frozen generator serve as real images. Also runs under
    `accelerate launch -m orojar_finetune finetune ...`: the processes share every batch.
    """

    source: Source
    output_dir: Path | None = None
    """Folder of the run: checkpoints, history.jsonl, pictures, and at the end the model folder `model`. If not set:
    NAME-finetuned."""
    revision: Revision = None
    data: str = "none"
    """Real images: none (samples from the generator itself), scenes (the built-in scenes), a folder or zip of images, or
    user/dataset on the Hub."""
    direction_set: str | None = None
    """Direction set of the source to use. If not set: the one written last; if there is none, directions are searched first."""
    force: Force = False
    dry_run: bool = False
    """Print all options and an estimate of memory and time, measured on one real step, and stop."""
    previews: Pictures = "small"
    push_to_hub: bool = False
    """Upload the model folder at the end."""
    hub_model_id: str | None = None
    """Repository to upload to: user/repo."""
    hub_private_repo: bool | None = None
    """Whether a new repository is private. If not set: as its owner's settings say."""
    config: Annotated[FinetuneConfig, FLAT] = field(default_factory=FinetuneConfig)


@dataclass(frozen=True)
class Train:
    """Trains a generator from scratch, on the built-in scenes or your images, and writes a model folder.

    With a penalty weight (`--penalty.weight 15`), the coordinates of z become independent, as in the paper. Also runs under
    `accelerate launch -m orojar_finetune train ...`: the processes share every batch.
    """

    output_dir: Path
    """Folder of the run: checkpoints, history.jsonl, pictures, and at the end the model folder `model`."""
    data: str = "scenes"
    """Real images: scenes (the built-in scenes with known factors), a folder or zip of images, or user/dataset on the Hub."""
    dry_run: bool = False
    """Print all options and an estimate of memory and time, measured on one real step, and stop."""
    previews: Pictures = "small"
    config: Annotated[TrainConfig, FLAT] = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class Generate:
    """Generates images: samples, a grid, a strip for each direction, an animation, or the images of a saved recipe.

    With `--recipe` the source can be left out: it is the model that the recipe names.
    """

    source: Source = ""
    output_dir: Path = Path("orojar-images")
    """Folder to write to."""
    kinds: tuple[Literal["images", "grid", "strips", "gif", "recipe"], ...] = ("grid",)
    """images: one PNG per seed at full size. grid: all seeds in one picture. strips: one picture per direction, from -3 to 3
    sigmas. gif: the same as an animation. recipe: recipe.json, from which `--recipe` makes images and grid again."""
    recipe: Path | None = None
    """Recipe saved here or in the editor; replaces seeds, edits, truncation, noise, label and direction set."""
    seeds: tuple[int, ...] = tuple(range(16))
    """One image per seed; strips show the first three seeds, the animation the first."""
    edits: tuple[str, ...] = ()
    """Edits of images and grid: strengths in sigmas by direction number or name, such as 0=2 hue=-1.5."""
    truncation: float = 1.0
    """Truncation psi: 1 is none, 0 gives the mean image."""
    noise: str = "const"
    """Noise inputs: const (those of the checkpoint), random, none, or a seed."""
    label: int | None = None
    """Class index of all images; by default each seed draws its own."""
    direction_set: str | None = None
    """Name of the direction set; by default the one written last."""
    revision: Revision = None
    force: Force = False


@dataclass(frozen=True)
class Evaluate:
    """Measures a generator and its directions: off-diagonal share, activity, path lengths, fidelity, true factors of scenes.

    Prints a table and writes metrics.json and report.html, which opens without a network; in a model folder also its card.
    """

    source: Source
    output_dir: Path | None = None
    """Folder for the results. If not set: the source if it is a model folder, otherwise NAME-evaluation."""
    data: str = "none"
    """Real images to compare with: none, scenes (the built-in scenes, whose factors are known), a folder or zip of images, or
    user/dataset."""
    split: Split = "train"
    image_column: ImageColumn = None
    direction_set: str | None = None
    """Direction set of a model folder to measure. If not set: all of them, each in a column."""
    force: Force = False
    revision: Revision = None
    config: Annotated[EvaluateConfig, FLAT] = field(default_factory=EvaluateConfig)


@dataclass(frozen=True)
class Compare:
    """Finds directions of one generator by every method and measures all of them at the same latents, costs included."""

    source: Source
    output_dir: Path = Path("orojar-comparison")
    """Folder for metrics.json and report.html."""
    data: str = "none"
    """Real images for measures that need some: none, scenes (the built-in scenes, whose factors are known), a folder or zip
    of images, or user/dataset."""
    split: Split = "train"
    image_column: ImageColumn = None
    tuned: tuple[str, ...] = ()
    """Model folders or repositories of fine-tuned generators, measured beside their base with their default direction sets."""
    revision: Revision = None
    config: Annotated[CompareConfig, FLAT] = field(default_factory=CompareConfig)


@dataclass(frozen=True)
class Edit:
    """Opens the editor in a browser, with one slider per direction, in sigmas; without directions it shows samples."""

    source: Source
    revision: Revision = None
    force: Force = False
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 accepts other machines."""
    port: int | None = None
    """Port to listen on; by default the first free one from 7860."""
    share: bool = False
    """Create a public link through Gradio."""
    open_browser: bool = False
    """Open a browser window."""


@dataclass(frozen=True)
class Merge:
    """Merges a low-rank adapter (`finetune --trainable lora`) into its base, which is fetched, and writes a model folder."""

    source: Source
    folder: Annotated[Path, tyro.conf.Positional]
    """The model folder to write."""
    revision: Revision = None
    previews: Pictures = "small"


@dataclass(frozen=True)
class Push:
    """Uploads a model folder to the Hub, with a card that shows what each direction does."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The model folder."""
    repo: Annotated[str, tyro.conf.Positional]
    """user/repo; created where it does not exist."""
    private: bool = False
    """Make a new repository private; without, its owner's default decides."""
    overwrite_card: bool = False
    """Replace a card that the repository already has."""
    message: str = "Upload generator and directions with orojar-finetune"
    """Message of the commit."""


Verb = Demo | Inspect | Convert | Discover | Finetune | Train | Generate | Evaluate | Compare | Edit | Merge | Push
