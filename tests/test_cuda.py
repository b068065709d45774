"""On a GPU as on the CPU: the same numbers, in every precision without NaN, and memory that really runs out."""

import dataclasses
import json
import logging

import pytest
import torch
from accelerate.state import AcceleratorState

from orojar_adapters import load_discriminator
from orojar_finetune import (
    Directions,
    discover,
    evaluate,
    finetune,
    generate_edited,
    load_generator,
    write_model_folder,
)
from orojar_finetune.config import (
    EvaluateConfig,
    FidelityConfig,
    FinetuneConfig,
    PenaltyConfig,
    RunConfig,
    SearchConfig,
)
from orojar_finetune.discovery import METHODS
from orojar_finetune.discovery.orojar_jd import joint_diagonalize
from orojar_finetune.measures.ground_truth import ground_truth
from orojar_finetune.runtime.reproducible import full_precision
from orojar_finetune.scenes import BUNDLED, bundled_gan_config
from orojar_finetune.training.estimate import estimate
from orojar_finetune.training.finetuning import prepare
from orojar_finetune.training.reestimation import BY_DESCENT
from quick import quick_config
from tiny import TINY

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

CLOSE = 1e-3
"""Of the largest number beside it: TF32 and half precision are ten times as far off."""
CONFIG = FinetuneConfig(
    discover=SearchConfig(count=4),
    penalty=PenaltyConfig(every=1, batch_size=4, warmup_steps=0),
    fidelity=FidelityConfig(images=64, latents=4, max_drift=10.0, keep="last"),
    gan=bundled_gan_config(),
    run=RunConfig(max_train_steps=4, train_batch_size=8, validation_steps=4, checkpointing_steps=2, logging_steps=1),
)
SEARCH = dataclasses.replace(CONFIG.search, method_options={"latents": 8})


@pytest.fixture(autouse=True)
def on(monkeypatch):
    """Says where Accelerate computes from now on: on the GPU, from which the other tests keep it."""

    def on(device):
        monkeypatch.setenv("ACCELERATE_USE_CPU", str(device == "cpu").lower())
        AcceleratorState._reset_state(reset_partial_state=True)
        return device

    on("cuda")
    yield on
    AcceleratorState._reset_state(reset_partial_state=True)


def discriminator():
    return load_discriminator(BUNDLED)


def bundled(device="cuda"):
    return load_generator(BUNDLED).to(device)


def assert_close(found, expected, part=CLOSE):
    found, expected = found.detach().cpu().double(), expected.detach().cpu().double()
    assert torch.isfinite(found).all()
    assert (found - expected).abs().max() <= part * expected.abs().max()


def run(**options):
    return dataclasses.replace(CONFIG, run=dataclasses.replace(CONFIG.run, **options))


def tune(folder, config=CONFIG, device="cuda", **options):
    return finetune(bundled(device), folder, config, data="scenes", discriminator=discriminator(), progress=False, **options)


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("family", TINY)
def test_images_are_those_of_the_cpu(family):
    generator = TINY[family]()
    rng = torch.Generator().manual_seed(0)
    z, labels = generator.sample_latents(3, rng), generator.sample_labels(3, rng)
    expected = generator(z, labels)
    generator.to("cuda")
    with full_precision():
        found = generator(z.cuda(), None if labels is None else labels.cuda())
    assert found.device.type == "cuda"
    assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_images_in_half_precision_are_finite_and_alike(dtype):
    generator = bundled()
    z = generator.sample_latents(16, torch.Generator().manual_seed(0))
    expected = generator(z)
    with torch.autocast("cuda", dtype):
        found = generator(z)
    assert_close(found, expected, 0.3)
    assert (found - expected).square().mean().sqrt() < 0.03


@pytest.mark.parametrize("method", METHODS)
def test_directions_are_those_of_the_cpu(method):
    config = quick_config(method, 4, {"latents": 8, "steps": 10, "samples": 10_000})
    here, there = (discover(bundled(device), config, progress=False) for device in ("cuda", "cpu"))
    assert_close(here.basis @ here.basis.T, torch.eye(4))
    if method in BY_DESCENT:  # Adam makes whole steps of what rounding leaves: other directions, as good
        assert here.scores["off_diagonal_share"] == pytest.approx(there.scores["off_diagonal_share"], rel=0.3)
        return
    cosines = (here.basis.cpu() @ there.basis.T).abs()  # directions of almost the same activity may change places
    assert_close(cosines.amax(dim=1), torch.ones(4), 10 * CLOSE)
    assert_close(cosines.amax(dim=0), torch.ones(4), 10 * CLOSE)
    assert_close(torch.tensor(here.activity), torch.tensor(there.activity), 10 * CLOSE)
    assert here.scores["off_diagonal_share"] == pytest.approx(there.scores["off_diagonal_share"], rel=10 * CLOSE)


def test_joint_diagonalization_hands_back_what_it_got():
    matrices = torch.randn(5, 4, 4, device="cuda")
    found = joint_diagonalize(matrices @ matrices.mT)
    assert (found.device, found.dtype) == (matrices.device, matrices.dtype)


@pytest.mark.parametrize("form", ["cosine", "variance", "hessian"])
def test_the_gradient_of_the_penalty_is_that_of_the_cpu(tmp_path, on, form):
    found = discover(bundled("cpu"), SEARCH, progress=False)
    config = dataclasses.replace(CONFIG, penalty=dataclasses.replace(CONFIG.penalty, form=form))
    values, gradients = {}, {}
    for device in map(on, ("cpu", "cuda")):
        loop = prepare(bundled("cpu"), tmp_path / device, config, "scenes", found, discriminator(), False).loop
        assert loop.state.generator.device.type == device
        (penalty,) = (term for term in loop.generator_terms if term.name == "penalty")
        loop.train_only(loop.state.generator_optimizer)
        values[device] = loop.gradients(penalty, 0)
        moved = (p.grad for p in loop.state.generator.parameters() if p.grad is not None)
        gradients[device] = torch.cat([gradient.flatten().cpu() for gradient in moved])
    assert values["cuda"] == pytest.approx(values["cpu"], rel=CLOSE)
    assert (gradients["cuda"] - gradients["cpu"]).norm() < 10 * CLOSE * gradients["cpu"].norm()


def test_a_run_has_the_losses_of_the_cpu(tmp_path, on):
    found = discover(bundled("cpu"), SEARCH, progress=False)
    here, there = (tune(tmp_path / device, device=device, directions=found) for device in map(on, ("cuda", "cpu")))
    assert here.start.frechet == pytest.approx(there.start.frechet, rel=10 * CLOSE)
    assert here.end.off_diagonal_share == pytest.approx(there.end.off_diagonal_share, rel=50 * CLOSE)
    first = [history(tmp_path / device)[0] for device in ("cuda", "cpu")]
    for name in ("real", "fake", "generator", "penalty"):
        assert first[0][name] == pytest.approx(first[1][name], rel=10 * CLOSE)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_trains_to_numbers(tmp_path, precision):
    tuned = tune(tmp_path, run(mixed_precision=precision))
    assert all(torch.isfinite(p).all() for p in tuned.generator.parameters())
    assert tuned.end.frechet < 2 * tuned.start.frechet
    assert [row["step"] for row in history(tmp_path)] == [1, 2, 3, 4]


def test_a_run_that_is_resumed_goes_on(tmp_path):
    whole = tune(tmp_path / "whole")
    tune(tmp_path / "parted", run(max_train_steps=2))
    parted = tune(tmp_path / "parted", run(resume_from_checkpoint="latest"))
    for name, value in whole.generator.state_dict().items():
        assert_close(parted.generator.state_dict()[name], value, 10 * CLOSE)


def test_memory_that_runs_out_halves_the_micro_batch_and_keeps_the_batch(tmp_path, caplog):
    config = run(max_train_steps=1, train_batch_size=256)
    torch.cuda.reset_peak_memory_stats()
    whole = tune(tmp_path / "whole", config)
    most = torch.cuda.max_memory_allocated()
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction(0.6 * most / torch.cuda.get_device_properties(0).total_memory)
        with caplog.at_level(logging.WARNING, "orojar"):
            halved = tune(tmp_path / "halved", config)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "micro-batches of 128 images instead of 256; the effective batch stays 256" in caplog.text
    rows = [history(tmp_path / folder)[0] for folder in ("halved", "whole")]
    for name in ("real", "generator"):
        assert rows[0][name] == pytest.approx(rows[1][name], rel=0.05), name
    assert halved.end.frechet == pytest.approx(whole.end.frechet, rel=0.1)


def test_an_estimate_knows_the_memory_of_the_device(tmp_path):
    found = estimate(prepare(bundled(), tmp_path, CONFIG, "scenes", None, discriminator(), False).loop)
    assert found.device.startswith("cuda")
    assert 1 << 20 < found.memory < 1 << 33
    assert all(seconds > 0 for seconds in found.seconds.values())


def test_figures_are_those_of_the_cpu(on):
    found = discover(bundled("cpu"), SEARCH, progress=False)
    config = EvaluateConfig(latents=8, images=64, pairs=16)
    here, there = (evaluate(bundled(device), found, config, data="scenes") for device in map(on, ("cuda", "cpu")))
    assert here.figures.keys() == there.figures.keys()
    for name, figure in there.figures.items():
        assert here.figures[name].value == pytest.approx(figure.value, rel=0.02, abs=1e-3), name
    assert_close(ground_truth(bundled(), found, 8).effects, ground_truth(bundled("cpu"), found, 8).effects, 0.02)


def test_a_model_folder_holds_the_same_as_one_of_the_cpu(tmp_path):
    found = discover(bundled(), SEARCH, progress=False)
    write_model_folder(tmp_path, bundled(), {"found": found})
    for name, value in load_generator(tmp_path).state_dict().items():
        assert torch.equal(value, bundled("cpu").state_dict()[name]), name
    assert_close(Directions.load(tmp_path).basis, found.basis)


def test_edits_are_those_of_the_cpu():
    found = discover(bundled("cpu"), SEARCH, progress=False)
    z = bundled("cpu").sample_latents(2, torch.Generator().manual_seed(0))
    here, there = (generate_edited(bundled(device), z.to(device), found, {0: 2.0}) for device in ("cuda", "cpu"))
    assert (here.cpu() - there).abs().max() < 0.05
    assert (here.cpu() - there).square().mean().sqrt() < 5 * CLOSE
