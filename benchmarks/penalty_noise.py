"""How far the penalty's mean gradient stands out of its noise, by form, at about the same number of images an evaluation.

python benchmarks/penalty_noise.py     some minutes on one thread; writes benchmarks/results/penalty_noise.json

For gradients g over independent evaluations: |E g|² / E |g - E g|², both estimated without bias. What is lost in noise is lost
twice: Adam divides by the noise too, so the game's own gradient moves the weights less.
"""

import argparse
import time

import torch
from torch import Tensor

from orojar_finetune import discover, load_generator
from orojar_finetune.config import PenaltyConfig
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.independence import Independence
from results import write

FORMS = {
    "signs, 2 a latent": PenaltyConfig(form="variance", probes=2, batch_size=16),
    "signs, 4 a latent": PenaltyConfig(form="variance", probes=4, batch_size=10),
    "pairs of 2 directions": PenaltyConfig(form="cosine", probes=2, batch_size=16),
    "pairs of 5 directions": PenaltyConfig(form="cosine", probes=5, batch_size=8),
    "pairs of 10 directions": PenaltyConfig(form="cosine", probes=10, batch_size=4),
}


def main() -> None:
    """Measures every form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = load_generator(BUNDLED)
    directions = discover(generator, progress=False)
    generator.train().requires_grad_(True)
    found = {}
    for name, form in FORMS.items():
        penalty = Independence(generator, directions, form, seed=0)
        began = time.process_time()
        gradients = torch.stack([gradient(penalty, step, form.batch_size) for step in range(options.evaluations)])
        seconds = (time.process_time() - began) / options.evaluations
        mean = gradients.mean(dim=0)
        noise = (gradients - mean).square().sum().item() / (options.evaluations - 1)
        signal = mean.square().sum().item() - noise / options.evaluations
        images = form.batch_size * ((form.probes or 2) + 1)
        found[name] = {"signal_to_noise": signal / noise, "images": images, "seconds": seconds}
        print(f"{name:24}{signal / noise:10.4f}{images:6}{seconds:8.2f} s", flush=True)
    write("penalty_noise", 0, {"evaluations": options.evaluations, "forms": found})


def gradient(penalty: Independence, step: int, rows: int) -> Tensor:
    """The gradient of one evaluation in all weights that it reaches, as one vector."""
    penalty.generator.zero_grad()
    penalty.loss(step, slice(0, rows)).backward()
    return torch.cat([p.grad.flatten() for p in penalty.generator.parameters() if p.grad is not None])


if __name__ == "__main__":
    main()
