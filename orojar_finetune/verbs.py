"""The command line: one dataclass per verb, whose docstring and fields are its help. Nothing heavy is imported here."""

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
        metavar="MODEL",
        help="Checkpoint file, model folder, user/repo, user/repo/sub/folder, user/repo/file.pkl, or a Hub URL.",
    ),
]
Revision = Annotated[
    str | None,
    tyro.conf.arg(help="Branch, tag, or commit on the Hub. If not set: that in MODEL (user/repo@v1.0), otherwise main."),
]
Pictures = Annotated[
    Previews,
    tyro.conf.arg(
        help="Preview images in the model folder: none, small (sized for the card), or full (full size, longer animation)."
    ),
]
Split = Annotated[str, tyro.conf.arg(help="Split of a Hub dataset.")]
ImageColumn = Annotated[str | None, tyro.conf.arg(help="Image column of a Hub dataset. If not set: the first one.")]
Force = Annotated[bool, tyro.conf.arg(help="Use directions even if they were found on different weights.")]


@dataclass(frozen=True)
class Demo:
    """Runs the whole workflow on the bundled generator: finds directions, fine-tunes, measures both, writes a model folder.

    Takes a few minutes and needs neither network nor GPU.
    """

    output_dir: Path = Path("orojar-demo")
    """Output folder of the run; the model folder is its subfolder `model`."""
    seed: int = 0
    """Random seed."""
    steps: int = 200
    """Fine-tuning steps."""


@dataclass(frozen=True)
class Inspect:
    """Shows what is in a checkpoint without running its code: family, sizes, license, names that its pickle would import."""

    source: Source
    revision: Revision = None
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True)
class Convert:
    """Converts a checkpoint to a model folder (safetensors), or to another project's file format.

    A StyleGAN2 discriminator is converted together with its generator.
    """

    source: Source
    target: Annotated[Path, tyro.conf.Positional]
    """Model folder to write; with `--to nvlabs` or `--to rosinality`, a new file."""
    to: Literal["folder", "nvlabs", "rosinality"] = "folder"
    """folder: a model folder.
    nvlabs: StyleGAN2 state dicts for NVlabs' PyTorch classes (.safetensors or .pt).
    rosinality: a StyleGAN2 checkpoint for stylegan2-pytorch (.pt).
    With nvlabs and rosinality, a .json next to the file records source, license, and how to load it."""
    revision: Revision = None
    previews: Pictures = "small"


@dataclass(frozen=True)
class Discover:
    """Finds independent latent directions of a generator and writes a model folder with a preview of each.

    Multi-GPU: `accelerate launch -m orojar_finetune discover ...` divides the work among the processes.
    """

    source: Source
    output_dir: Path | None = None
    """Model folder to write. If not set: MODEL if it is a local model folder, otherwise <name of MODEL>-orojar."""
    revision: Revision = None
    name: str | None = None
    """Name of the direction set. If not set: the name of the method."""
    previews: Pictures = "small"
    config: Annotated[DiscoverConfig, FLAT] = field(default_factory=DiscoverConfig)


@dataclass(frozen=True)
class Finetune:
    """Fine-tunes a generator so that its directions become independent, and writes a model folder.

    Needs no dataset: without `--data`, samples from the frozen generator serve as real images.
    Multi-GPU: `accelerate launch -m orojar_finetune finetune ...` (data parallel).
    """

    source: Source
    output_dir: Path | None = None
    """Output folder of the run: checkpoints, history.jsonl, validation images, and finally the model folder `model`.
    If not set: <name of MODEL>-finetuned."""
    revision: Revision = None
    data: str = "none"
    """Real images: a folder or zip file, user/dataset on the Hub, scenes (built-in synthetic images), or
    none (samples from the frozen generator)."""
    direction_set: str | None = None
    """Direction set of MODEL to use. If not set: the latest one; if there is none, `--discover.*` finds one first."""
    force: Force = False
    dry_run: bool = False
    """Print the resolved options and a memory and time estimate, measured on one real step, then exit."""
    previews: Pictures = "small"
    push_to_hub: bool = False
    """Upload the model folder at the end; needs `--hub-model-id`."""
    hub_model_id: str | None = None
    """Repository to upload to: user/repo. Created if it does not exist."""
    hub_private_repo: bool | None = None
    """Make a new repository private (True) or public (False). If not set: the owner's default."""
    config: Annotated[FinetuneConfig, FLAT] = field(default_factory=FinetuneConfig)


@dataclass(frozen=True)
class Train:
    """Trains a generator from scratch, on the built-in synthetic scenes or your images, and writes a model folder.

    Add `--penalty.weight 15` for the OroJaR penalty, which makes the coordinates of z independent, as in the paper.
    Multi-GPU: `accelerate launch -m orojar_finetune train ...` (data parallel).
    """

    output_dir: Path
    """Output folder of the run: checkpoints, history.jsonl, validation images, and finally the model folder `model`."""
    data: str = "scenes"
    """Real images: a folder or zip file, user/dataset on the Hub, or scenes (built-in synthetic images)."""
    dry_run: bool = False
    """Print the resolved options and a memory and time estimate, measured on one real step, then exit."""
    previews: Pictures = "small"
    config: Annotated[TrainConfig, FLAT] = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class Generate:
    """Generates images: samples, a grid, a strip for each direction, an animation, or the images of a saved recipe.

    Strengths are in sigmas: standard deviations of the latent along a direction.
    """

    source: Annotated[
        str,
        tyro.conf.Positional,
        tyro.conf.arg(metavar="[MODEL]", help="As for the other commands. If not set: the model that the recipe names."),
    ] = ""
    output_dir: Path = Path("orojar-images")
    """Output folder."""
    kinds: tuple[Literal["images", "grid", "strips", "gif", "recipe"], ...] = ("grid",)
    """images: one PNG per seed. grid: all seeds in one image.
    strips: one image per direction, from -3 to 3 sigmas. gif: the same as an animation.
    recipe: recipe.json, from which `--recipe` reproduces the images."""
    recipe: Path | None = None
    """Recipe saved by `--kinds recipe` or the editor; overrides seeds, edits, truncation, noise, label, and direction set."""
    seeds: tuple[int, ...] = tuple(range(16))
    """Random seeds, one image each; strips use the first three, the animation the first."""
    edits: tuple[str, ...] = ()
    """Edits applied to images and grid: DIRECTION=SIGMAS, by number or name, such as 0=2 hue=-1.5."""
    truncation: float = 1.0
    """Truncation psi: 1 disables truncation, 0 gives the mean image."""
    noise: str = "const"
    """Noise inputs: const (stored in the checkpoint), random, none, or a seed."""
    label: int | None = None
    """Class index for all images. If not set: random for each seed."""
    direction_set: str | None = None
    """Direction set of MODEL to use. If not set: the latest one."""
    revision: Revision = None
    force: Force = False


@dataclass(frozen=True)
class Evaluate:
    """Measures a generator and its directions: off-diagonal share, activity, path lengths, fidelity, ground-truth factors.

    Prints a table, writes metrics.json and report.html (works offline), and updates the card of a model folder.
    """

    source: Source
    output_dir: Path | None = None
    """Output folder. If not set: MODEL if it is a local model folder, otherwise <name of MODEL>-evaluation."""
    data: str = "none"
    """Real images to compare with: a folder or zip file, user/dataset on the Hub, scenes, or none.
    scenes: built-in synthetic images with known factors."""
    split: Split = "train"
    image_column: ImageColumn = None
    direction_set: str | None = None
    """Direction set of MODEL to measure. If not set: all of them, one column each."""
    force: Force = False
    revision: Revision = None
    config: Annotated[EvaluateConfig, FLAT] = field(default_factory=EvaluateConfig)


@dataclass(frozen=True)
class Compare:
    """Finds directions of one generator by every method and compares quality and cost on the same latents."""

    source: Source
    output_dir: Path = Path("orojar-comparison")
    """Output folder for metrics.json and report.html."""
    data: str = "none"
    """Real images for measures that need them: a folder or zip file, user/dataset on the Hub, scenes, or none.
    scenes: built-in synthetic images with known factors."""
    split: Split = "train"
    image_column: ImageColumn = None
    tuned: tuple[str, ...] = ()
    """Fine-tuned versions of MODEL (model folders or user/repo) to compare with it, each with its latest direction set."""
    revision: Revision = None
    config: Annotated[CompareConfig, FLAT] = field(default_factory=CompareConfig)


@dataclass(frozen=True)
class Edit:
    """Starts the editor, a local web page with one slider per direction, in sigmas; without directions it shows samples."""

    source: Source
    revision: Revision = None
    force: Force = False
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 accepts connections from other machines."""
    port: int | None = None
    """Port to listen on. If not set: the first free one from 7860."""
    share: bool = False
    """Create a public Gradio link."""
    open_browser: bool = False
    """Open the page in a browser."""


@dataclass(frozen=True)
class Merge:
    """Merges a LoRA adapter (`finetune --trainable lora`) into its base, downloaded if needed, and writes a model folder."""

    source: Source
    folder: Annotated[Path, tyro.conf.Positional]
    """Model folder to write."""
    revision: Revision = None
    previews: Pictures = "small"


@dataclass(frozen=True)
class Push:
    """Uploads a model folder to the Hub, with a model card that shows what each direction does."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Model folder to upload."""
    repo: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="USER/REPO")]
    """Repository to upload to. Created if it does not exist."""
    private: bool = False
    """Make a new repository private. If not set: the owner's default."""
    overwrite_card: bool = False
    """Replace a model card that orojar did not write."""
    message: str = "Upload generator and directions with orojar-finetune"
    """Commit message."""


Verb = Demo | Inspect | Convert | Discover | Finetune | Train | Generate | Evaluate | Compare | Edit | Merge | Push
