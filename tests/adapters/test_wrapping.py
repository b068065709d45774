import warnings

import pytest
import torch
from torch import nn

from foreign_modules import OfClasses, Painter
from orojar_adapters import CheckpointError, load_generator, wrap


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def scripted(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have people use torch.export instead
        return torch.jit.script(module)


def traced(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(module, torch.zeros(2, 8))


@pytest.mark.parametrize("form", [lambda module: module, scripted, traced], ids=["module", "scripted", "traced"])
def test_a_wrapped_generator_paints_what_the_module_paints_also_from_its_folder(form, tmp_path):
    painter = Painter()
    generator = wrap(form(painter), 8)
    z = generator.sample_latents(5, rng())
    torch.testing.assert_close(generator(z), painter(z), rtol=1e-5, atol=1e-6)
    assert [layer.resolution for layer in generator.feature_layers] == [8, 16, 16, 16]
    assert generator.modulation_weights()[0].shape == (128, 8)
    assert {p.numel() for p in generator.parameters()} == {p.numel() for p in painter.parameters()}
    generator.save_pretrained(tmp_path)
    assert torch.equal(load_generator(tmp_path)(z), generator(z))


def test_it_is_differentiable_twice_in_latents_and_weights():
    generator = wrap(Painter(), 8)
    z = generator.sample_latents(2, rng()).requires_grad_(True)
    (slope,) = torch.autograd.grad(generator(z).square().sum(), z, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


def test_labels_reach_the_module_as_rows():
    module = OfClasses().eval()
    generator = wrap(module, 8, num_classes=3)
    z = generator.sample_latents(3, rng())
    torch.testing.assert_close(generator(z, torch.arange(3)), module(z, torch.eye(3)), rtol=1e-5, atol=1e-6)


def test_a_latent_of_another_shape_and_images_of_another_range():
    class Tall(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(6, 1, 8)

        def forward(self, z):
            return torch.sigmoid(self.up(z))

    module = Tall().eval()
    generator = wrap(module, (6, 1, 1), image_range=(0, 1))
    z = generator.sample_latents(2, rng())
    assert (generator.latent_size, generator.resolution, generator.image_channels) == (6, 8, 1)
    torch.testing.assert_close(generator(z), module(z[:, :, None, None]) * 2 - 1)


class Undecided(nn.Module):
    def forward(self, z):
        return z.reshape(-1, 1, 4, 4) if z.sum() > 0 else -z.reshape(-1, 1, 4, 4)


class Wide(nn.Module):
    def forward(self, z):
        return z.reshape(-1, 1, 2, 8)


class Sorting(nn.Module):
    def forward(self, z):
        return z.sort(dim=1).values.reshape(-1, 1, 4, 4)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Undecided(), "cannot be taken as a graph"),
        (Wide(), r"expected square images of 1, 3 or 4 channels, the module puts out \(2, 1, 2, 8\)"),
        (Sorting(), "the module calls 'sort', which is none of the operations"),
    ],
)
def test_modules_that_are_no_graph_of_images_are_refused(module, words):
    with pytest.raises(ValueError, match=words):
        wrap(module, 16)


def test_a_program_file_is_never_loaded_by_itself(tmp_path):
    path = tmp_path / "painter.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced(Painter()).save(path)
    with pytest.raises(CheckpointError, match=r"a TorchScript program, not weights.*wrap\(torch.jit.load"):
        load_generator(path)
