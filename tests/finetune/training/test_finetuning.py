import dataclasses
import json
import logging

import pytest
import torch

from orojar_finetune import Directions, discover, finetune
from orojar_finetune.config import FidelityConfig, FinetuneConfig, GanConfig, PenaltyConfig, RunConfig, SearchConfig
from orojar_finetune.images.decoding import DamagedImageError
from orojar_finetune.images.real_images import GeneratorSamples
from orojar_finetune.training import checkpoints as saved
from orojar_finetune.training.finetuning import prepare
from tiny import tiny_discriminator, tiny_stylegan2

QUICK = FinetuneConfig(
    trainable="all",
    discriminator_steps=2,
    discover=SearchConfig(count=3),
    penalty=PenaltyConfig(every=1, batch_size=4, warmup_steps=0, anneal=0.0),
    fidelity=FidelityConfig(features="random", images=64, latents=8, max_drift=10.0),
    gan=GanConfig(learning_rate=1e-3),
    run=RunConfig(max_train_steps=4, train_batch_size=4, validation_steps=2, checkpointing_steps=2, logging_steps=1),
)
SEARCH = dataclasses.replace(QUICK.search, method_options={"latents": 4})


def tune(folder, generator=None, config=QUICK, discriminator="tiny", **options):
    generator = generator or tiny_stylegan2()
    if discriminator == "tiny":
        discriminator = tiny_discriminator(generator.num_classes)
    return finetune(generator, folder, config, discriminator=discriminator, progress=False, **options)


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def run(config=QUICK, **options):
    return dataclasses.replace(config, run=dataclasses.replace(config.run, **options))


def test_directions_become_more_independent_than_without_the_penalty(tmp_path):
    config = dataclasses.replace(
        run(max_train_steps=40, validation_steps=40, checkpointing_steps=40),
        penalty=PenaltyConfig(every=1, batch_size=8, warmup_steps=0, anneal=0.0, on=("image",), weight=100.0),
        gan=GanConfig(learning_rate=3e-3, ema_images=8),
        fidelity=FidelityConfig(features="random", images=64, latents=16, max_drift=10.0, keep="last"),
    )
    found = discover(tiny_stylegan2(), SEARCH, method="random", progress=False)
    tuned = tune(tmp_path / "tuned", config=config, directions=found)
    plain = dataclasses.replace(config, penalty=dataclasses.replace(config.penalty, weight=0.0))
    control = tune(tmp_path / "control", config=plain, directions=found)
    assert tuned.start == control.start
    assert tuned.end.off_diagonal_cos2 < 0.5 * control.end.off_diagonal_cos2
    assert tuned.directions.scores["off_diagonal_cos2"] < 0.7 * control.directions.scores["off_diagonal_cos2"]
    assert torch.equal(tuned.directions.basis, found.basis)
    assert tuned.directions.names == found.names


def test_directions_that_barely_change_the_image_are_dropped_and_counted(tmp_path, caplog):
    found = discover(tiny_stylegan2(), SEARCH, progress=False)
    faint = dataclasses.replace(found, activity=(0.5, 0.0049, 0.0051))
    with caplog.at_level(logging.WARNING, "orojar"):
        tuned = tune(tmp_path, directions=faint)
    assert torch.equal(tuned.directions.basis, found.basis[[0, 2]])
    assert tuned.directions.names == (found.names[0], found.names[2])
    assert "dropped 1 of 3 directions" in caplog.text


def test_a_run_has_its_own_precision_whatever_ran_before_it_in_python(tmp_path):
    found = discover(tiny_stylegan2(), SEARCH, progress=False)
    plain, half, again = (
        tune(tmp_path / str(i), config=run(mixed_precision=precision), directions=found).generator.state_dict()
        for i, precision in enumerate([None, "bf16", None])
    )
    assert all(torch.equal(again[name], value) for name, value in plain.items())
    assert not all(torch.equal(half[name], value) for name, value in plain.items())


@pytest.mark.parametrize("num_classes", [0, 2])
def test_a_generator_without_data_or_discriminator_is_tuned_and_stays_as_it_was(tmp_path, num_classes, caplog):
    generator = tiny_stylegan2(num_classes)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    with caplog.at_level(logging.WARNING, "orojar"):
        last = dataclasses.replace(QUICK, fidelity=dataclasses.replace(QUICK.fidelity, keep="last"))
        done = tune(tmp_path, generator, last, discriminator=None)
    assert "a new one alone for 2 steps" in caplog.text
    assert (done.ended, done.steps, done.discriminator_steps) == ("done", 4, 2)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert all(p.requires_grad for p in generator.parameters())
    assert not torch.equal(done.generator.synthesis.b4.const, before["synthesis.b4.const"])
    assert done.discriminator.num_classes == num_classes
    assert [row["step"] for row in history(tmp_path) if "penalty" in row] == [3, 4, 5, 6]
    assert {"frechet", "off_diagonal_cos2", "activity"} <= history(tmp_path)[-1].keys()
    assert sorted(path.name for path in (tmp_path / "validation").iterdir()) == [f"step-{s:06}.png" for s in (2, 4, 6)]


@pytest.mark.parametrize("first", [0, 500])
def test_the_penalty_has_its_weight_to_the_end_after_a_new_discriminator_too(tmp_path, first):
    config = dataclasses.replace(
        QUICK, penalty=PenaltyConfig(every=1, warmup_steps=10, anneal=0.0, weight=15.0), discriminator_steps=500
    )
    given = None if first else tiny_discriminator()
    loop = prepare(tiny_stylegan2(), tmp_path, run(config, max_train_steps=20), discriminator=given, progress=False).loop
    assert loop.run.max_train_steps == first + 20
    weight = loop.generator_terms[-1].weight
    assert [weight(first + step) for step in (-1, 0, 5, 10, 19)] == [0, 0, 7.5, 15, 15]


def test_one_direction_has_no_other_to_be_independent_of(tmp_path):
    found = discover(tiny_stylegan2(), method="random", count=1, progress=False)
    with pytest.raises(ValueError, match="at least two"):
        tune(tmp_path, directions=found)
    without = dataclasses.replace(QUICK, penalty=PenaltyConfig(weight=0.0))
    assert tune(tmp_path, config=without, directions=found).ended == "done"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trainable": "affine"}, "trainable all, and this one has affine"),
        ({"run": dataclasses.replace(QUICK.run, seed=1)}, "run.seed 0, and this one has 1"),
        ({}, "of a run with other directions"),
        (
            {"discover": dataclasses.replace(QUICK.discover, count=2)},
            "directions 3 by random in w, and this one has 2",
        ),
    ],
)
def test_a_run_is_not_gone_on_with_as_another_one(tmp_path, options, words):
    generator = tiny_stylegan2()
    found, other = (discover(generator, method="random", count=3, seed=s, progress=False) for s in (0, 1))
    tune(tmp_path, directions=found, config=run(max_train_steps=2))
    config = dataclasses.replace(QUICK, **options)
    config = run(config, resume_from_checkpoint="latest")
    directions = found if "run" in options or "trainable" in options else None if options else other
    with pytest.raises(ValueError, match=words):
        tune(tmp_path, config=config, directions=directions)


def test_a_discriminator_of_the_checkpoint_is_used_at_once_and_stays_as_it_was(tmp_path, caplog):
    given = tiny_discriminator()
    before = {name: value.clone() for name, value in given.state_dict().items()}
    done = tune(tmp_path, discriminator=given)
    assert done.steps == 4
    assert "discriminator" not in caplog.text
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())


def test_the_mean_latent_follows_the_weights(tmp_path):
    done = tune(tmp_path)
    z = done.generator.sample_latents(10_000, torch.Generator().manual_seed(5))
    with torch.no_grad():
        mean = done.generator.map(z)[:, 0].mean(dim=0)
    torch.testing.assert_close(done.generator.mapping.w_avg, mean, atol=0.05, rtol=0)


def test_a_run_that_is_resumed_gives_the_same_generator_and_the_same_figures(tmp_path):
    config = dataclasses.replace(QUICK, penalty=dataclasses.replace(QUICK.penalty, reestimate_every=2))
    whole = tune(tmp_path / "whole", config=config)
    tune(tmp_path / "parted", config=run(config, max_train_steps=3))
    rest = tune(tmp_path / "parted", config=run(config, resume_from_checkpoint="latest"))
    assert whole.end == rest.end
    assert whole.start == rest.start
    assert all(torch.equal(v, rest.generator.state_dict()[k]) for k, v in whole.generator.state_dict().items())
    assert torch.equal(whole.directions.basis, rest.directions.basis)


def test_directions_are_found_anew_in_their_rhythm(tmp_path):
    found = discover(tiny_stylegan2(), SEARCH, method="sefa", progress=False)
    kept = tune(tmp_path / "kept", directions=found)
    anew = dataclasses.replace(QUICK, penalty=dataclasses.replace(QUICK.penalty, reestimate_every=2))
    changed = tune(tmp_path / "anew", config=anew, directions=found)
    assert torch.equal(kept.directions.basis, found.basis)
    assert not torch.equal(changed.directions.basis, found.basis)
    by_hand = tune(tmp_path / "by hand", config=anew, directions=dataclasses.replace(found, method="by hand"))
    assert torch.equal(by_hand.directions.basis, found.basis)


def test_a_drift_past_its_bound_stops_early_says_so_and_keeps_the_last_good_generator(tmp_path):
    config = dataclasses.replace(
        run(max_train_steps=30, validation_steps=1),
        gan=GanConfig(learning_rate=0.01, ema_images=0),
        fidelity=dataclasses.replace(QUICK.fidelity, max_drift=0.3),
    )
    done = tune(tmp_path, config=config)
    assert done.steps < 30
    assert f"stopped at step {done.steps}: the Fréchet distance rose from" in done.ended
    assert "more than the allowed 0.3 (--fidelity.max-drift)" in done.ended
    assert done.end.frechet - done.start.frechet <= 0.3 + 0.05  # the best one; its mean latent was set anew
    assert history(tmp_path)[-1]["frechet"] - done.start.frechet > 0.3


def test_the_best_validation_is_kept_or_the_last(tmp_path):
    config = run(max_train_steps=12, validation_steps=3)
    best = tune(tmp_path / "best", config=config)
    fidelity = dataclasses.replace(config.fidelity, keep="last")
    last = tune(tmp_path / "last", config=dataclasses.replace(config, fidelity=fidelity))
    rows = [row for row in history(tmp_path / "best") if "frechet" in row]
    scores = [
        row["off_diagonal_cos2"] / best.start.off_diagonal_cos2 + max(0.0, row["frechet"] - best.start.frechet) / 10
        for row in rows
    ]
    winner = rows[scores.index(min(scores))]
    assert (best.end.off_diagonal_cos2, best.end.frechet) == pytest.approx(
        (winner["off_diagonal_cos2"], winner["frechet"]), rel=1e-5
    )
    assert last.end.off_diagonal_cos2 == pytest.approx(rows[-1]["off_diagonal_cos2"], rel=1e-5)


def test_by_default_the_penalty_is_annealed_and_the_last_generator_is_kept(tmp_path):
    penalty = dataclasses.replace(QUICK.penalty, anneal=PenaltyConfig().anneal)
    done = tune(tmp_path, config=dataclasses.replace(run(max_train_steps=8, validation_steps=2), penalty=penalty))
    assert 0 < penalty.anneal < 1
    last = [row for row in history(tmp_path) if "frechet" in row][-1]
    assert last["step"] == 8
    assert (done.end.off_diagonal_cos2, done.end.frechet) == pytest.approx(
        (last["off_diagonal_cos2"], last["frechet"]), rel=1e-5
    )


def test_unasked_the_modulation_layers_move_and_the_config_says_so(tmp_path):
    before = tiny_stylegan2().state_dict()
    done = tune(tmp_path, config=dataclasses.replace(QUICK, trainable="auto", gan=GanConfig()))
    moved = {name for name, value in done.generator.state_dict().items() if not torch.equal(before[name], value)}
    assert moved - {"mapping.w_avg"} == {name for name in before if ".affine." in name}
    assert (done.config.trainable, *done.config.gan.rates()) == ("affine", 3e-3, 1e-3)


@pytest.mark.parametrize("what", ["mapping", "synthesis", "affine"])
def test_only_the_chosen_weights_move(tmp_path, what):
    before = tiny_stylegan2().state_dict()
    config = dataclasses.replace(QUICK, trainable=what, penalty=dataclasses.replace(QUICK.penalty, weight=0.0))
    after = tune(tmp_path, config=config).generator.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])} - {"mapping.w_avg"}
    wanted = {"mapping": "mapping.", "synthesis": "synthesis.", "affine": ".affine."}[what]
    assert moved
    assert all(wanted in name for name in moved)


@pytest.mark.parametrize("noise", ["none", "const"])
def test_noise_that_the_gan_loss_never_sees_is_not_turned_up_by_the_penalty(tmp_path, noise):
    before = tiny_stylegan2()
    tuned = tune(tmp_path, config=dataclasses.replace(QUICK, gan=GanConfig(noise=noise))).generator
    moved = {name for name, value in before.named_parameters() if not torch.equal(value, tuned.get_parameter(name))}
    assert moved
    assert any(name.endswith("noise_strength") for name in moved) is (noise == "const")


def test_directions_in_z_and_on_a_range_of_layers(tmp_path):
    for i, discovery in enumerate(({"space": "z"}, {"layers": (2, 4)})):
        config = dataclasses.replace(QUICK, discover=dataclasses.replace(QUICK.discover, **discovery))
        done = tune(tmp_path / str(i), config=config)
        assert done.directions.space == discovery.get("space", "w")
        assert set(done.directions.layers) == {discovery.get("layers")}


def test_directions_that_move_different_layers_keep_them_and_are_not_searched_again(tmp_path):
    found = discover(tiny_stylegan2(), SEARCH, progress=False)
    mixed = dataclasses.replace(found, layers=((0, 2), None, None))
    penalty = dataclasses.replace(QUICK.penalty, reestimate_every=1)
    done = tune(tmp_path, config=dataclasses.replace(QUICK, penalty=penalty), directions=mixed)
    assert done.directions.layers == mixed.layers
    assert torch.equal(done.directions.basis, mixed.basis)
    assert done.end.off_diagonal_share is not None


def test_options_replace_those_of_the_config(tmp_path):
    done = tune(tmp_path, trainable="mapping", run=dataclasses.replace(QUICK.run, max_train_steps=1))
    assert done.steps == 1
    with pytest.raises(ValueError, match="color"):
        tune(tmp_path / "other", color=1)


def test_the_set_is_saved_with_what_it_measured(tmp_path):
    done = tune(tmp_path)
    done.directions.save(tmp_path)
    assert Directions.load(tmp_path).scores == pytest.approx(done.directions.scores)
    assert done.directions.method == "orojar-jd"


def test_weights_that_never_moved_are_not_the_best(tmp_path, caplog):
    """A new discriminator learns alone first, and validations come meanwhile."""
    config = dataclasses.replace(
        run(max_train_steps=30, validation_steps=3),
        discriminator_steps=4,
        gan=GanConfig(learning_rate=0.3, ema_images=0),
        fidelity=dataclasses.replace(QUICK.fidelity, max_drift=0.3),
    )
    done = tune(tmp_path, config=config, discriminator=None)
    assert done.ended.startswith("stopped at step 6")
    assert (done.steps, done.kept_step) == (2, 2)
    assert "within the allowed drift" in caplog.text
    start, moved = tiny_stylegan2(), done.generator
    assert any(not torch.equal(a, b) for a, b in zip(start.parameters(), moved.parameters(), strict=True))


def test_the_step_of_the_weights_that_are_kept_is_reported(tmp_path):
    done = tune(tmp_path / "a", config=run(max_train_steps=12, validation_steps=3))
    scores = {
        row["step"]: row["off_diagonal_cos2"] / done.start.off_diagonal_cos2
        + max(0.0, row["frechet"] - done.start.frechet) / 10
        for row in history(tmp_path / "a")
        if "frechet" in row
    }
    assert done.kept_step == done.metrics["kept_step"] == min(scores, key=scores.__getitem__)
    resumed = tune(tmp_path / "a", config=run(max_train_steps=12, validation_steps=3, resume_from_checkpoint="latest"))
    assert resumed.kept_step == done.kept_step


@pytest.mark.parametrize(("wanted", "words"), [(None, "of an earlier run"), ("checkpoint-9", "no checkpoint checkpoint-9")])
def test_a_run_that_cannot_go_on_is_refused_before_anything_is_searched(tmp_path, wanted, words, monkeypatch):
    tune(tmp_path, config=run(max_train_steps=2))
    monkeypatch.setattr("orojar_finetune.training.preparation.open_real_images", None)
    monkeypatch.setattr("orojar_finetune.training.finetuning.discover", None)
    with pytest.raises(ValueError, match=words):
        tune(tmp_path, config=run(resume_from_checkpoint=wanted))


def test_a_damaged_image_costs_no_step(tmp_path, monkeypatch):
    """What was trained until then is a checkpoint, and with the image repaired the run ends as one that met no damage."""
    config = run(max_train_steps=6, checkpointing_steps=100)
    wanted = tune(tmp_path / "wanted", config=config)
    whole = GeneratorSamples.batch

    def damaged(self, step, total, rows):
        if step == 3:
            raise DamagedImageError("data: 7.png cannot be read as an image; repair or remove it")
        return whole(self, step, total, rows)

    with monkeypatch.context() as patched, pytest.raises(ValueError, match=r"7\.png .* The 3 steps before it are saved"):
        patched.setattr(GeneratorSamples, "batch", damaged)
        tune(tmp_path / "run", config=config)
    assert [path.name for path in saved.checkpoints(tmp_path / "run")] == ["checkpoint-3"]
    found = tune(tmp_path / "run", config=run(config, resume_from_checkpoint="latest"))
    for one, other in zip(found.generator.parameters(), wanted.generator.parameters(), strict=True):
        assert torch.equal(one, other)
