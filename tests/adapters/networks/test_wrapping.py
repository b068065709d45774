import warnings

import pytest
import torch
from torch import nn

from foreign_modules import OfClasses, Painter
from orojar_adapters import CheckpointError, load_generator, wrap
from orojar_finetune import DiscoverConfig, discover


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def traced(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have people use torch.export instead
        return torch.jit.trace(module, torch.zeros(2, 8))


@pytest.mark.parametrize("form", [lambda module: module, traced], ids=["module", "traced"])
def test_a_wrapped_generator_paints_what_the_module_paints(form):
    painter = Painter()
    generator = wrap(form(painter), 8)
    z = generator.sample_latents(5, rng())
    torch.testing.assert_close(generator(z), painter(z), rtol=1e-5, atol=1e-6)
    assert sum(p.numel() for p in generator.parameters()) == sum(p.numel() for p in painter.parameters())


def test_its_feature_maps_are_the_outputs_of_its_convolutions():
    painter, seen = Painter(), []
    painter.main[4].register_forward_hook(lambda _, __, out: seen.append(out))
    generator = wrap(painter, 8)
    assert [(layer.name, layer.resolution) for layer in generator.feature_layers] == [
        ("main.0", 8),
        ("main.4", 16),
        ("main.7", 16),
        ("image", 16),
    ]
    seen.clear()
    image, (middle, last) = generator.synthesize_with_activations(generator.map(generator.sample_latents(2, rng())), (1, 3))
    assert torch.equal(middle, seen[0])
    assert torch.equal(last, image)
    assert wrap(painter, 8, features=["main.4"]).feature_layers[0].name == "main.4"


def test_it_is_differentiable_twice_in_latents_and_weights():
    generator = wrap(Painter(), 8)
    z = generator.sample_latents(2, rng()).requires_grad_(True)
    (slope,) = torch.autograd.grad(generator(z).square().sum(), z, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


def test_directions_are_found_in_it():
    found = discover(wrap(Painter(), 8), DiscoverConfig(count=3, method_options={"latents": 4}), progress=False)
    assert found.space == "z"
    assert found.basis.shape == (3, 8)
    assert min(found.activity) > 0


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


class Wide(nn.Module):
    def forward(self, z):
        return z.reshape(-1, 1, 2, 8)


@pytest.mark.parametrize(("changes", "word"), [({"module": Wide()}, "square images"), ({"image_range": (1, 0)}, "image_range")])
def test_what_is_not_a_generator_of_images_is_refused(changes, word):
    with pytest.raises(ValueError, match=word):
        wrap(**({"module": Painter(), "latent_size": 16 if "module" in changes else 8} | changes))


def test_a_module_whose_code_is_somebody_elses_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="cannot be saved"):
        wrap(Painter(), 8).save_pretrained(tmp_path)


def test_a_program_file_is_never_loaded_by_itself(tmp_path):
    path = tmp_path / "painter.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced(Painter()).save(path)
    with pytest.raises(CheckpointError, match=r"TorchScript program"):
        load_generator(path)
