"""Trains the reader of sprites of one resolution, and measures what it can be trusted with."""

import json
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune.measures.effects import disentanglement_completeness
from orojar_finetune.runtime.atomic import replacing
from orojar_finetune.runtime.draws import rng
from orojar_finetune.sprites import CLASSES, FACTORS, SHAPES, render, sample
from paper_measures import ORIENTATION, SEED, read, rounded, units
from paper_presets import Preset
from paper_reader import Reading, SpriteReader, squared_changes, truth

BATCH, RATE, DECAY = 128, 4e-3, 1e-4
BLUR, NOISE = 1.0, 0.1
"""The most that a picture is disturbed by: the part of its blurred self mixed in, and the deviation of noise."""
EVEN = {count: (count + 1) / (12 * (count - 1)) for count in CLASSES}
"""The variance of so many evenly spaced values from 0 to 1."""
VARIANCES = (2 / 3, EVEN[CLASSES[1]], 1.0, EVEN[CLASSES[3]], EVEN[CLASSES[4]])
"""Of the factors of sprites, in the units of `squared_changes`: three corners, evenly spaced values, a circle."""


def the_reader(preset: Preset, runs: Path, where: str) -> SpriteReader:
    """The reader of this preset's sprites, which is trained where there is none: every process would train the same."""
    weights = runs / "reader.safetensors"
    if not weights.is_file():
        reader = train_reader(preset.resolution, preset.reader_steps, device=where)
        quality = json.dumps(reader_quality(reader, preset.resolution), indent=1)
        with replacing(runs / "reader.json") as temporary:
            temporary.write_text(quality, encoding="utf-8")
        with replacing(weights) as temporary:
            save_file(reader.state_dict(), temporary)
    reader = SpriteReader(preset.resolution).to(where)
    reader.load_state_dict(load_file(weights))
    return reader.eval().requires_grad_(False)


def train_reader(resolution: int, steps: int, seed: int = 0, device: torch.device | str = "cpu") -> SpriteReader:
    """A reader that has seen sprites drawn afresh in every step, half of them disturbed as a generator might draw them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = SpriteReader(resolution).to(device)
    optimizer = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        draws = rng(seed, "sprites to read", step)
        classes = sample(BATCH, draws).to(device)
        images = render(classes, resolution)
        images[::2] = disturb(images[::2], draws)
        loss = reader.loss(images, classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            print(f"reader, step {step + 1}: loss {loss.item():.3f}", flush=True)
    return reader.eval().requires_grad_(False)


def disturb(images: Float[Tensor, "batch 1 height width"], draws: torch.Generator) -> Float[Tensor, "batch 1 height width"]:
    """Pictures as a generator might draw them: soft outlines, and noise."""
    blurred = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    blur, level = (most * torch.rand(len(images), 1, 1, 1, generator=draws).to(images) for most in (BLUR, NOISE))
    noise = torch.randn(images.shape, generator=draws).to(images)
    return torch.lerp(images, blurred, blur) + level * noise


@torch.no_grad()
def reader_quality(reader: SpriteReader, resolution: int, count: int = 8192) -> dict[str, Any]:
    """What the reader can be trusted with, on sprites it was not trained on; also fills in its squared errors.

    The share of each factor's variance that it explains (for the shape also how often the likeliest is right), and the effects
    that perfect coordinates would show, which redraw one factor each: a ceiling for what can be measured with it.
    """
    device = reader.squared_errors.device
    classes = sample(count, rng(SEED, "held-out sprites")).to(device)

    def readings(chosen: Tensor) -> Reading:
        return read(reader, count, lambda rows: render(chosen[rows], resolution))

    seen, true = readings(classes), truth(classes)
    errors, _ = squared_changes(seen, true)
    own = torch.arange(count, device=device), classes[:, 0]
    errors[:, ORIENTATION] = (seen.turns[own] - true.turns[own]).square().sum(dim=1)
    reader.squared_errors.copy_(errors.mean(dim=0))
    others = sample(count, rng(SEED, "other sprites")).to(device)
    redrawn = [torch.where(torch.arange(len(FACTORS), device=device) == i, others, classes) for i in range(len(FACTORS))]
    perfect = torch.stack([squared_changes(seen, readings(moved))[0].mean(dim=0) for moved in redrawn]) / units(seen)
    ceiling = disentanglement_completeness(perfect)
    explained = 1 - reader.squared_errors.cpu() / torch.tensor(VARIANCES)
    turned = errors[:, ORIENTATION]
    return {
        "r2": dict(zip(FACTORS, rounded(explained), strict=True)),
        "r2 of orientation": {shape: 1 - turned[classes[:, 0] == i].mean().item() for i, shape in enumerate(SHAPES)},
        "shape right": (seen.shapes.argmax(dim=1) == classes[:, 0]).float().mean().item(),
        "effects of redrawn factors": [rounded(row) for row in perfect],
        "disentanglement": ceiling[0],
        "completeness": ceiling[1],
    }
