"""Trains the reader of scenes on pictures drawn afresh in every step, and measures what it can be trusted with.

python benchmarks/train_reader.py     about 18 minutes on one thread; writes orojar_finetune/scenes/reader.safetensors and
                                      benchmarks/results/reader.json
"""

import time

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from orojar_finetune.measures.ground_truth import disentanglement_completeness
from orojar_finetune.runtime.reproducible import rng
from orojar_finetune.scenes.reader import RESOLUTION, WEIGHTS, FactorReader, load_reader
from orojar_finetune.scenes.rendering import FACTORS, render, sample_factors
from results import write

SEED, STEPS, BATCH, RATE, DECAY = 0, 5000, 64, 4e-3, 1e-4
HELD_OUT, SIGMA = 8192, 12**-0.5
"""Scenes to measure on, and the standard deviation of a factor."""
BLUR, NOISE, RAMP, BRIGHTNESS, CONTRAST, SATURATION = 1.2, 0.05, 0.15, 0.1, 0.15, 0.2
"""The most that a picture is disturbed by: blur in pixels at 64 x 64, the rest in units of [-1, 1] or as fractions of one."""


def main() -> None:
    """Trains, writes the weights, measures what was written."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    reader = train()
    tensors = {name: value.half() if value.is_floating_point() else value for name, value in reader.state_dict().items()}
    tensors["squared_errors"] = squared_errors(reader, disturbed=False).half()
    save_file(tensors, WEIGHTS)
    WEIGHTS.chmod(0o644)  # the library writes it for the owner alone
    measured = {"minutes": round((time.perf_counter() - started) / 60, 1), "bytes": WEIGHTS.stat().st_size}
    write("reader", SEED, {**measured, **measure(load_reader())})


def train() -> FactorReader:
    """A reader that has seen 320,000 scenes, half of them disturbed, a quarter of them at half the resolution."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        reader = FactorReader()
    optimizer = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        draws = rng(SEED, "scenes", step)
        factors = sample_factors(BATCH, draws)
        images = render(factors, RESOLUTION // 2 if step % 4 == 3 else RESOLUTION)
        images[::2] = disturb(images[::2], draws)
        loss = (reader(images) - factors).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 250 == 0:
            print(f"step {step + 1}: root mean squared error {loss.sqrt().item():.4f}", flush=True)
    return reader.eval()


def disturb(images: Float[Tensor, "batch 3 height width"], draws: torch.Generator) -> Float[Tensor, "batch 3 height width"]:
    """Pictures as a generator might make them: blurred, noisy, unevenly lit, a little off in color, but of the same hues."""

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=draws)

    size = images.shape[-1]
    images = _blur(images, BLUR * size / RESOLUTION * torch.rand((), generator=draws).item())
    gray = images.mean(dim=1, keepdim=True)
    images = gray + (images - gray) * between(1 - SATURATION, 1 + SATURATION)
    axis = torch.linspace(-1, 1, size)
    ramp = between(-RAMP, RAMP) * axis[:, None] + between(-RAMP, RAMP) * axis
    images = images * between(1 - CONTRAST, 1 + CONTRAST) + between(-BRIGHTNESS, BRIGHTNESS) + ramp
    return images + between(0, NOISE) * torch.randn(images.shape, generator=draws)


def _blur(images: Tensor, sigma: float) -> Tensor:
    offsets = torch.arange(-3, 4)
    weights = torch.exp(-(offsets**2) / (2 * max(sigma, 0.1) ** 2))
    kernel = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = F.pad(images, (3, 3, 3, 3), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.mT, groups=3)


@torch.no_grad()
def squared_errors(reader: FactorReader, disturbed: bool, resolution: int = RESOLUTION) -> Float[Tensor, " factors"]:
    """For each factor the mean squared error on held-out scenes."""
    total = torch.zeros(len(FACTORS), dtype=torch.float64)
    for start in range(0, HELD_OUT, BATCH):
        draws = rng(SEED, "held-out scenes", start)
        factors = sample_factors(BATCH, draws)
        images = render(factors, resolution)
        read = reader(disturb(images, draws) if disturbed else images)
        total += (read - factors).square().double().sum(dim=0)
    return total / HELD_OUT


@torch.no_grad()
def effects_of_factors(reader: FactorReader) -> Float[Tensor, "factors factors"]:
    """The effect matrix of perfect directions: what the reader makes of a step of one sigma in a true factor, in variances."""
    start = SIGMA + (1 - 2 * SIGMA) * sample_factors(256, rng(SEED, "steps"))  # so that a step stays within the range
    before = reader(render(start, RESOLUTION))
    rows = []
    for i in range(len(FACTORS)):
        step = torch.eye(len(FACTORS))[i] * SIGMA
        changes = [reader(render(start + sign * step, RESOLUTION)) - before for sign in (1, -1)]
        rows.append(torch.stack(changes).square().mean(dim=(0, 1)) / SIGMA**2)
    return torch.stack(rows)


def measure(reader: FactorReader) -> dict[str, object]:
    """Accuracy by factor, and the best disentanglement and completeness that this reader lets one measure."""
    kinds = {"clean": (False, RESOLUTION), "disturbed": (True, RESOLUTION), "clean at 32 pixels": (False, RESOLUTION // 2)}
    figures: dict[str, object] = {}
    for kind, (disturbed, resolution) in kinds.items():
        errors = squared_errors(reader, disturbed, resolution)
        figures[kind] = {
            name: {"rmse": round(error**0.5, 4), "r2": round(1 - error / SIGMA**2, 5)}
            for name, error in zip(FACTORS, errors.tolist(), strict=True)
        }
    effects = effects_of_factors(reader)
    ceiling = disentanglement_completeness(effects)
    off = effects - effects.diag().diag()
    figures["effects of one sigma of the true factors"] = {
        "own factor": dict(zip(FACTORS, effects.diag().tolist(), strict=True)),
        "largest on another factor": dict(zip(FACTORS, off.amax(dim=1).tolist(), strict=True)),
        "disentanglement": ceiling[0],
        "completeness": ceiling[1],
    }
    return figures


if __name__ == "__main__":
    main()
