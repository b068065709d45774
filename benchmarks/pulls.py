"""How hard the penalty pulls at each weight of the bundled generator beside the images' losses, before any limit.

python benchmarks/pulls.py     two minutes on one thread; writes benchmarks/results/pulls.json

For every weight tensor: the root mean square, over steps, of the norm of the penalty's gradient at its default weight, counted
as often as it is left out, over that of the game's gradient. Adam divides each step by the size of the gradients before it:
where this is 20, counted at every fourth step, the game moves a weight ten times less than without the penalty.
"""

import argparse
import dataclasses
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

import torch

from finetuning_designs import configured
from orojar_adapters import load_discriminator
from orojar_finetune import load_generator
from orojar_finetune.config import FidelityConfig
from orojar_finetune.scenes import BUNDLED
from orojar_finetune.training.finetuning import prepare
from orojar_finetune.training.loop import Loop
from orojar_finetune.training.parts import Part
from results import write


def main() -> None:
    """Measures both pulls, prints their ratio by resolution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = dataclasses.replace(configured("layers and image, weight 15", 0, 1), fidelity=FidelityConfig(images=64))
    with tempfile.TemporaryDirectory() as folder:
        critic = load_discriminator(BUNDLED)
        loop = prepare(load_generator(BUNDLED), Path(folder), config, "scenes", discriminator=critic, progress=False).loop
    game, penalty = (pulls(loop, part, options.evaluations) for part in loop.generator_parts)
    found = {name: penalty[name] / game[name] for name in penalty if game[name] > 0}
    print(f"{'resolution':>12}{'weight tensors':>16}{'median':>10}{'largest':>10}")
    for block, ratios in blocks(found).items():
        print(f"{block:>12}{len(ratios):16}{statistics.median(ratios):10.2f}{max(ratios):10.2f}")
    write("pulls", 0, {"evaluations": options.evaluations, "ratios": {name: round(value, 4) for name, value in found.items()}})


def pulls(loop: Loop, part: Part, evaluations: int) -> dict[str, float]:
    """Root mean square of the norm of a part's gradient in every weight tensor that it reaches, once its ramp is over."""
    squares: dict[str, float] = defaultdict(float)
    generator, optimizer = loop.state.generator, loop.state.generator_optimizer
    loop.listen(optimizer)
    first = 400 * part.every
    for step in range(first, first + evaluations * part.every, part.every):
        optimizer.zero_grad()
        loop.gradients(part, step)
        for name, parameter in generator.named_parameters():
            if parameter.grad is not None:
                squares[name] += parameter.grad.square().sum().item() / evaluations
    return {name: square**0.5 for name, square in squares.items()}


def blocks(found: dict[str, float]) -> dict[str, list[float]]:
    """The ratios of the convolutions and their modulations at each resolution, those of the colours left out."""
    groups: dict[str, list[float]] = defaultdict(list)
    for name, ratio in found.items():
        if name.startswith("synthesis.") and "torgb" not in name:
            groups[name.split(".")[1].removeprefix("b")].append(ratio)
    return groups


if __name__ == "__main__":
    main()
