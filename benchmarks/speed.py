"""Speed as ratios within one run: the penalty in one call against K + 1 calls, `orojar-jd` against descent, peak memory.

python benchmarks/speed.py            prints tables, writes benchmarks/results/speed.json
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from orojar_adapters import Generator
from orojar_finetune import DiscoverConfig, discover, load_generator
from orojar_finetune.discovery.bases import random_basis
from orojar_finetune.discovery.discovering import measured, search
from orojar_finetune.evaluation.comparing import counting
from orojar_finetune.latents.latent_space import LatentSpace
from orojar_finetune.penalty import orojar, rademacher
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.scenes import BUNDLED
from results import write

ROUNDS, BATCHES, PROBES, EPSILON, COUNT, SEED = 15, (1, 4, 16), 2, 0.1, 10, 0
DEMO_LIMIT_GB = 3.0


def penalty_step(batch: int) -> dict[str, dict[str, float]]:
    """Seconds of one penalty and its gradient, in the directions (generator frozen) and in the weights.

    Args:
        batch: latents.
    """
    generator = load_generator(BUNDLED)
    space = LatentSpace(generator, "w")
    latents = space.sample(batch, torch.Generator().manual_seed(SEED))
    basis = random_basis(COUNT, space.size, SEED).requires_grad_()
    start = torch.zeros(batch, COUNT)
    signs = rademacher((PROBES, batch, COUNT), start, torch.Generator().manual_seed(SEED))

    def image(coefficients: Tensor) -> Tensor:
        return space.outputs(latents, space.moves(coefficients @ basis))[0]

    def one_call() -> Tensor:
        return orojar(image, start, PROBES, EPSILON, scale_free=False, signs=signs)

    def authors() -> Tensor:
        here = image(start)
        q = torch.stack([((image(start + EPSILON * v) - here) / EPSILON).square().flatten(1).sum(dim=1) for v in signs])
        return q.var(dim=0).mean()

    torch.testing.assert_close(one_call(), authors(), rtol=1e-3, atol=0)
    found = {}
    for name, wanted in {"directions": [basis], "weights": list(generator.synthesis.parameters())}.items():
        for parameter in generator.parameters():
            parameter.requires_grad_(name == "weights")
        seconds = alternate({"one call": one_call, "authors": authors}, wanted)
        found[f"{name}, {batch} latents"] = {**seconds, "authors / one call": seconds["authors"] / seconds["one call"]}
    return found


def alternate(penalties: dict[str, Callable[[], Tensor]], wanted: list[Tensor]) -> dict[str, float]:
    """The median seconds of each, taken in turn so that both meet the same machine."""
    taken: dict[str, list[float]] = {name: [] for name in penalties}
    for _ in range(ROUNDS):
        for name, penalty in penalties.items():
            before = time.perf_counter()
            torch.autograd.grad(penalty(), wanted, allow_unused=True)
            taken[name].append(time.perf_counter() - before)
    return {name: statistics.median(values) for name, values in taken.items()}


def direction_search() -> dict[str, dict[str, float]]:
    """What each method spends and what its directions are worth on held-out latents, the measuring left out of the costs."""
    generator = load_generator(BUNDLED)
    discover(generator, method="random", progress=False)  # first calls are slow
    methods = ("random", "sefa", "orojar", "orojar-scale-free", "orojar-jd")
    return {name: cost_and_scores(generator, DiscoverConfig(method=name, seed=SEED)) for name in methods}


def cost_and_scores(generator: Generator, config: DiscoverConfig) -> dict[str, float]:
    """Seconds and images of one search, and the scores of what it found."""
    with counting(generator) as spent:
        space, basis = search(generator, config, progress=False)
    directions, _ = measured(space, basis, config, Processes(progress=False))
    return {"seconds": spent.seconds, "generator evaluations": spent.images, **directions.scores}


def demo() -> dict[str, float]:
    """Seconds and peak memory in GB of `orojar demo` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orojar_finetune", "demo", "--output-dir", str(Path(folder) / "demo")]
        before = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # kilobytes on Linux
    return {"seconds": seconds, "peak memory, GB": peak}


def show(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Prints a table."""
    columns = list(next(iter(rows.values())))
    print(f"\n{title}\n{'':26}" + "".join(f"{column:>24}" for column in columns))
    for name, row in rows.items():
        print(f"{name:26}" + "".join(f"{row[column]:24.4g}" for column in columns))


def main() -> None:
    """Runs everything."""
    torch.set_num_threads(1)
    ran = demo()
    step = {name: row for batch in BATCHES for name, row in penalty_step(batch).items()}
    searched = direction_search()
    jd, descent = searched["orojar-jd"], searched["orojar-scale-free"]
    ratios = {
        **{f"penalty step in {name}, authors / one call": row["authors / one call"] for name, row in step.items()},
        "seconds, descent / orojar-jd": descent["seconds"] / jd["seconds"],
        "generator evaluations, descent / orojar-jd": descent["generator evaluations"] / jd["generator evaluations"],
    }
    show(f"one penalty step, {PROBES} probes (seconds)", step)
    show("direction search on the bundled generator", searched)
    show("orojar demo", {"": ran})
    print("\nratios\n" + "\n".join(f"{name:60}{ratio:8.2f}" for name, ratio in ratios.items()))
    write("speed", SEED, {"penalty step": step, "direction search": searched, "demo": ran, "ratios": ratios})
    if ran["peak memory, GB"] > DEMO_LIMIT_GB:
        sys.exit(f"orojar demo took {ran['peak memory, GB']:.2f} GB, the limit is {DEMO_LIMIT_GB}")


if __name__ == "__main__":
    main()
