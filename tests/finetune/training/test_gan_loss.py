import math

import pytest
import torch
from torch import nn

from orojar_finetune.config import GanConfig
from orojar_finetune.images.real_images import GeneratorSamples, RenderedScenes
from orojar_finetune.training.gan_loss import R1_EVERY, GANLoss, r1_gamma
from tiny import tiny_discriminator, tiny_stylegan2

ROWS = slice(0, 8)


def gan_loss(discriminator=None, num_classes=0, **options):
    generator = tiny_stylegan2(num_classes)
    real_images = GeneratorSamples(tiny_stylegan2(num_classes, seed=5), seed=0)
    return GANLoss(generator, discriminator or tiny_discriminator(num_classes), real_images, GanConfig(**options), 8, 0)


def terms(of):
    return {term.name: term for term in [*of.discriminator_terms(), *of.generator_terms()]}


class Linear(nn.Module):
    """The logit is the sum of the image times a weight."""

    def __init__(self, weight: float = 0.01) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.weight * images.sum(dim=(1, 2, 3))


def test_losses_of_a_judge_who_knows_nothing_are_log_two():
    undecided = terms(gan_loss(Linear(0.0)))
    for name in ("real", "fake", "generator"):
        assert undecided[name].loss(0, ROWS).item() == pytest.approx(math.log(2))


def test_r1_of_a_linear_judge_is_the_square_of_its_weights():
    assert terms(gan_loss(Linear(0.01)))["R1"].loss(0, ROWS).item() == pytest.approx(0.01**2 * 3 * 16 * 16, rel=1e-5)


def test_instance_noise_has_its_deviation_on_all_that_is_judged_and_leaves_the_images_alone():
    seen: list[torch.Tensor] = []

    class Looks(nn.Module):
        def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            seen.append(images.detach())
            return images.mean(dim=(1, 2, 3))

    for deviation in (0.0, 0.3):
        for name in ("real", "fake", "R1", "generator"):
            terms(gan_loss(Looks(), instance_noise=deviation))[name].loss(2, ROWS)
    real, fake, r1, generator = (noisy - plain for plain, noisy in zip(seen[:4], seen[4:], strict=True))
    for noise in (real, fake, generator):
        assert noise.std().item() == pytest.approx(0.3, rel=0.05)
        assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert torch.equal(real, r1)
    assert not torch.allclose(fake, generator)


def test_r1_has_half_gamma_as_weight_and_comes_lazily():
    term = terms(gan_loss(r1_gamma=3.0))["R1"]
    assert [step for step in range(R1_EVERY + 1) if term.factor(step)] == [0, R1_EVERY]
    assert term.factor(0) == R1_EVERY * 1.5
    assert "R1" not in terms(gan_loss(r1_gamma=0.0))


def test_gamma_follows_resolution_and_batch_unless_it_is_set():
    assert r1_gamma(GanConfig(), 256, 32) == pytest.approx(0.4096)
    assert r1_gamma(GanConfig(r1_gamma=7.0), 256, 32) == 7


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("name", ["real", "fake", "R1", "generator"])
@pytest.mark.parametrize("noise", ["const", "random"])
def test_rows_are_the_same_in_any_division(name, num_classes, noise):
    class Alone(Linear):  # no judgment across the batch, so that rows can be compared one by one
        pass

    one = terms(gan_loss(Alone(), num_classes, noise=noise, style_mixing=0.5, augment=True, instance_noise=0.1))[name]
    if noise == "random":  # noise belongs to a micro-batch: the same division gives the same
        assert one.loss(3, slice(4, 8)).item() == one.loss(3, slice(4, 8)).item()
        return
    whole = one.loss(3, ROWS).item()
    parted = [one.loss(3, slice(i, i + 2)).item() for i in range(0, 8, 2)]
    assert sum(parted) / 4 == pytest.approx(whole, rel=1e-5)
    assert len(set(parted)) == 4 or name == "R1"


def test_mixing_styles_changes_the_last_layers_and_never_all():
    always, never = gan_loss(style_mixing=1.0), gan_loss(style_mixing=0.0)
    mixed, _ = always._styles(0, ROWS, "fake")
    plain, _ = never._styles(0, ROWS, "fake")
    same = (mixed == plain).all(dim=2)
    assert same[:, 0].all()
    assert not same[:, -1].any()
    assert (same.int().diff(dim=1) <= 0).all()  # once another latent follows, it stays


def test_steps_and_purposes_draw_other_images():
    one = terms(gan_loss())
    values = {one[name].loss(step, ROWS).item() for name in ("fake", "generator") for step in (0, 1)}
    assert len(values) == 4


def test_scenes_of_a_step_are_the_same_in_any_division():
    scenes = RenderedScenes(16, 0, torch.device("cpu"))
    whole, labels = scenes.batch(5, 8, ROWS)
    halves = [scenes.batch(5, 8, slice(i, i + 4))[0] for i in (0, 4)]
    assert torch.equal(torch.cat(halves), whole)
    assert labels is None
    assert not torch.equal(scenes.batch(6, 8, ROWS)[0], whole)
