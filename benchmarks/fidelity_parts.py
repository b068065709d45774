"""What a Fréchet distance of scenes consists of: which factors are in the pictures, how they are drawn, and what went wrong.

python benchmarks/fidelity_parts.py --runs FOLDER     the start, and every run of finetuning.py that is there and measured;
                                                      half a minute each; writes benchmarks/results/fidelity_parts.json
    --checkpoints 2000   also the averages that these checkpoints of each run hold
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune import load_generator
from orojar_finetune.measures.frechet import Moments, frechet_distance
from orojar_finetune.runtime.draws import rng
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.scenes.reader import EMBEDDING, load_reader
from orojar_finetune.scenes.rendering import FACTORS, render, sample_factors
from results import device, runs_so_far, write

IMAGES, BATCH, SEED = 4096, 64, 2
KNOWN_BY = ("design", "seed", "steps")
CONTENT = slice(len(FACTORS), len(FACTORS) + EMBEDDING)
"""Of the features: what the factors are read from."""
LOOK = slice(len(FACTORS) + EMBEDDING, None)
"""Means and deviations of the reader's maps, which see outlines, noise and contrast."""
WHOLE = slice(len(FACTORS), None)
HEADS = ("whole", "of its means", "content", "look", "correlation²")
Features = Float[Tensor, "images features"]


def main() -> None:
    """Takes the distances of runs apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("finetuning-runs"))
    parser.add_argument("--checkpoints", type=int, nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    real = seen(lambda draws: render(sample_factors(BATCH, draws), 64), "real")
    again = seen(lambda draws: render(sample_factors(BATCH, draws), 64), "real again")
    fresh = [{"design": "other scenes", "seed": 0, "steps": 0, "device": device(), **parts(again, real)}]
    for facts, generator in subjects(options.runs, options.checkpoints):
        fresh.append({**facts, "device": device(), **parts(seen(lambda draws, g=generator: samples(g, draws), "made"), real)})
        show(fresh[-1])
    records = runs_so_far("fidelity_parts", fresh, KNOWN_BY)
    for record in records:
        show(record)
    write("fidelity_parts", SEED, {"images": IMAGES, "factors": FACTORS, "runs": records})


def subjects(runs: Path, checkpoints: list[int]) -> Iterator[tuple[dict[str, Any], Generator]]:
    """The bundled generator and those of runs, with what they are."""
    yield {"design": "start", "seed": 0, "steps": 0}, load_generator(BUNDLED)
    for path in sorted(runs.glob("*/measured.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        facts = {key: record[key] for key in KNOWN_BY}
        generator = load_generator(path.parent / "model")
        yield facts, generator
        for step in checkpoints:
            average = path.parent / f"checkpoint-{step}" / "average.safetensors"
            if average.is_file() and step != facts["steps"]:
                generator.load_state_dict(load_file(average))
                yield {**facts, "design": f"{facts['design']}, on its way", "steps": step}, generator


@torch.no_grad()
def seen(images: Callable[[torch.Generator], Tensor], purpose: str) -> Features:
    """The seven factors that the reader sees in pictures, and its features of them, in float64."""
    reader, batches = load_reader(), []
    for i in range(IMAGES // BATCH):
        batch = images(rng(SEED, purpose, i))
        batches.append(torch.cat([reader(batch), reader.features(batch)], dim=1).double())
    return torch.cat(batches)


def samples(generator: Generator, draws: torch.Generator) -> Tensor:
    """Some of its pictures."""
    return generator(generator.sample_latents(BATCH, draws), generator.sample_labels(BATCH, draws))


def parts(made: Features, real: Features) -> dict[str, Any]:
    """The distance of all features, its part that is of their means, and the distances of two groups of features alone.

    All over the real ones' variance in the features that are compared. For the factors: means and standard deviations over the
    real ones', and how large the squared correlation of two of them is on average; in scenes all are independent.
    """
    whole, content, look = (
        frechet_distance(Moments.of(made[:, columns]), Moments.of(real[:, columns])) / variance(real[:, columns])
        for columns in (WHOLE, CONTENT, LOOK)
    )
    shift = (made[:, WHOLE].mean(dim=0) - real[:, WHOLE].mean(dim=0)).square().sum().item() / variance(real[:, WHOLE])
    read, true = made[:, : len(FACTORS)], real[:, : len(FACTORS)]
    correlations = torch.corrcoef(read.T)[*torch.triu_indices(len(FACTORS), len(FACTORS), 1)]
    shifts = (read.mean(dim=0) - true.mean(dim=0)) / true.std(dim=0)
    return {
        **dict(zip(HEADS, (whole, shift, content, look, correlations.square().mean().item()), strict=True)),
        "means": [round(value, 3) for value in shifts.tolist()],
        "deviations": [round(value, 3) for value in (read.std(dim=0) / true.std(dim=0)).tolist()],
    }


def variance(features: Features) -> float:
    """Over all columns together."""
    return features.var(dim=0).sum().item()


def show(record: dict[str, Any]) -> None:
    """One line a generator."""
    figures = ", ".join(f"{head} {record[head]:.4f}" for head in HEADS)
    print(f"{record['design']:44}{record['steps']:6} seed {record['seed']}: {figures}", flush=True)


if __name__ == "__main__":
    main()
