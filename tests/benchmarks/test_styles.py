import torch

from orojar_finetune import discover
from styles import in_styles
from tiny import tiny_stylegan2


def test_styles_give_the_images_that_w_gives():
    generator = tiny_stylegan2(num_classes=2)
    wrapped = in_styles(generator)
    z, labels = generator.sample_latents(3, torch.Generator().manual_seed(0)), torch.tensor([0, 1, 0])
    torch.testing.assert_close(wrapped(z, labels), generator(z, labels))
    assert wrapped.w_size == sum(len(generator.get_submodule(name).bias) for name in generator.tunable["affine"])


def test_a_step_moves_one_channel_of_one_layer_where_w_moves_them_all():
    generator = tiny_stylegan2()
    wrapped = in_styles(generator)
    ws = wrapped.map(generator.sample_latents(2, torch.Generator().manual_seed(0)))
    moved = ws.clone()
    moved[:, :, -1] += 1.0  # the last channel of the last layer, which only makes colours
    plain, features = wrapped.synthesize_with_activations(ws, range(len(wrapped.layers) - 1))
    image, kept = wrapped.synthesize_with_activations(moved, range(len(wrapped.layers) - 1))
    assert all(torch.equal(a, b) for a, b in zip(features, kept, strict=True))
    assert not torch.equal(plain, image)


def test_directions_are_found_there():
    found = discover(in_styles(tiny_stylegan2()), count=3, latents=2, held_out=2, progress=False)
    assert found.basis.shape == (3, in_styles(tiny_stylegan2()).w_size)
    assert all(activity > 0 for activity in found.activity)
