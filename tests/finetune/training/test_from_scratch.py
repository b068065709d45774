import dataclasses

import pytest
import torch

from orojar_finetune import TrainConfig, train
from orojar_finetune.config import ComparisonConfig, JacobianPenaltyConfig, NetworkConfig, RunConfig
from orojar_finetune.latents.coordinates import latent_axes
from orojar_finetune.measures.direction_set import measure_directions
from orojar_finetune.training.from_scratch import prepare
from orojar_finetune.training.jacobian_penalty import JacobianPenalty

CONFIG = TrainConfig(
    network=NetworkConfig("pggan", 16, (8, 8, 4), (8, 8, 4), latent_size=8),
    run=RunConfig(max_train_steps=2, train_batch_size=4, checkpointing_steps=100, validation_steps=100),
    fidelity=ComparisonConfig("random", images=64, latents=16),
)
PENALTY = JacobianPenaltyConfig(weight=5.0, every=2, batch_size=4, warmup_steps=0, form="hessian")


def test_the_penalty_is_that_of_the_coordinates_of_z_and_joins_the_loss(tmp_path):
    config = dataclasses.replace(CONFIG, penalty=PENALTY)
    loop = prepare(config, "scenes", tmp_path).loop
    term = loop.generator_terms[-1]
    assert (term.name, term.factor(0), term.factor(1)) == ("penalty", 10.0, 0.0)
    axes = latent_axes(loop.state.generator)
    expected = JacobianPenalty(loop.state.generator, axes, PENALTY, CONFIG.run.seed, "const").loss(4, slice(0, 4))
    torch.testing.assert_close(term.loss(4, slice(0, 4)), expected)
    assert expected > 0


def test_with_a_penalty_the_coordinates_are_measured_and_the_weights_are_others(tmp_path):
    plain = train(tmp_path / "plain", CONFIG)
    penalized = train(tmp_path / "penalized", CONFIG, penalty=PENALTY)
    assert set(plain.figures.described()) == {"frechet"}
    axes = latent_axes(penalized.generator)
    scores = measure_directions(penalized.generator, axes, seed=CONFIG.run.seed).scores
    figures = penalized.figures.described()
    assert {name: figures[name] for name in scores} == pytest.approx(scores)
    assert (penalized.ended, penalized.steps) == ("done", 2)
    pairs = zip(plain.generator.parameters(), penalized.generator.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("family", ["stylegan2", "stylegan"])
def test_families_with_a_mapping_are_trained_too(family, tmp_path):
    network = dataclasses.replace(CONFIG.network, family=family, w_size=6, mapping_depth=2)
    found = train(tmp_path, CONFIG, network=network, run=RunConfig(max_train_steps=1, train_batch_size=4))
    assert found.generator.family == family
    assert found.generator.w_size == 6


def test_a_family_that_needs_other_sizes_is_refused_with_those_that_do_not(tmp_path):
    network = dataclasses.replace(CONFIG.network, family="biggan")
    with pytest.raises(ValueError, match="stylegan2, stylegan and pggan"):
        train(tmp_path, CONFIG, network=network)


def test_channels_follow_the_resolution_and_those_that_are_given_go_for_both_networks():
    found = NetworkConfig(resolution=32).with_channels()
    assert (found.channels, found.discriminator_channels) == ((96, 96, 64, 48), (96, 96, 64, 32))
    found = NetworkConfig(resolution=16, channels=(8, 8, 4)).with_channels()
    assert (found.channels, found.discriminator_channels) == ((8, 8, 4), (8, 8, 4))
    with pytest.raises(ValueError, match="--channels"):
        NetworkConfig(resolution=512).with_channels()
