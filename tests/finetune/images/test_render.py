import pytest
import torch
from PIL import Image

from linear import direction_set
from orojar_finetune import discover, generate_edited
from orojar_finetune.config import DiscoverConfig
from orojar_finetune.images import render
from orojar_finetune.latents.editing import latents_of_seeds
from tiny import tiny_pggan, tiny_stylegan2

QUICK = DiscoverConfig(count=3, method_options={"latents": 4})


def test_the_ends_of_the_range_are_black_and_white_and_what_lies_outside_is_cut():
    image = torch.tensor([-3.0, -1.0, 0.0, 1.0, 2.0]).expand(3, 1, 5)
    assert render.to_bytes(image)[0, 0].tolist() == [0, 0, 128, 255, 255]


def test_pictures_have_the_mode_of_their_channels():
    assert [render.to_picture(torch.zeros(c, 2, 2)).mode for c in (1, 3, 4)] == ["L", "RGB", "RGBA"]


def test_a_grid_is_row_by_row_enlarged_and_filled_with_black():
    images = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 3, 16, 16)
    picture = render.grid(images, columns=2)
    assert picture.size == (128, 128)
    corners = [picture.getpixel((x, y)) for y in (10, 100) for x in (10, 100)]
    assert corners == [(0, 0, 0), (128, 128, 128), (255, 255, 255), (0, 0, 0)]


def test_a_traversal_is_unedited_in_the_middle_and_edited_at_its_ends():
    generator = tiny_stylegan2()
    directions = discover(generator, QUICK, progress=False)
    seen = render.traversal(generator, directions, 1, [5, 6])
    assert seen.shape == (2, 7, 3, 16, 16)
    z, _ = latents_of_seeds(generator, [5, 6])
    torch.testing.assert_close(seen[:, 3], generator(z).detach().clamp(-1, 1))
    torch.testing.assert_close(seen[:, 6], generate_edited(generator, z, directions, {1: 3.0}).clamp(-1, 1))


def test_an_animation_goes_there_and_back(tmp_path):
    generator = tiny_stylegan2()
    directions = discover(generator, QUICK, progress=False)
    render.save_gif(render.animation(generator, directions, 0, [0, 2], steps=3), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"]) == (12, (128, 64), 0)


def test_a_seed_gives_the_same_picture_whatever_stands_beside_it():
    generator = tiny_stylegan2(num_classes=3)
    z, labels = latents_of_seeds(generator, [3, 4])
    alone, label = latents_of_seeds(generator, [4])
    assert torch.equal(z[1:], alone)
    assert labels is not None and label is not None and torch.equal(labels[1:], label)


def test_edits_in_z_go_through_the_mapping_and_edits_in_w_come_after_truncation():
    generator = tiny_stylegan2()
    z, _ = latents_of_seeds(generator, [1])
    for space in ("z", "w"):
        directions = discover(generator, QUICK, space=space, progress=False)
        found = generate_edited(generator, z, directions, {0: 2.0}, truncation=0.5)
        step = 2 * directions.sigmas[0] * directions.basis[0]
        ws = generator.map(z + step, truncation=0.5) if space == "z" else generator.map(z, truncation=0.5) + step
        torch.testing.assert_close(found, generator.synthesize(ws).detach())


def test_shrinking_averages_over_areas_of_the_clamped_image_and_never_enlarges():
    image = torch.tensor([[-3.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 2.0]]).expand(1, 3, 2, 4)
    assert torch.equal(render.shrink(image, 2), torch.tensor([[[[-0.25, 1.0]]]]).expand(1, 3, 1, 2))
    for largest in (None, 4, 9):
        assert render.shrink(image, largest) is image


def test_a_shrunk_traversal_is_the_average_of_the_whole_one():
    generator = tiny_stylegan2()
    directions = direction_set(torch.eye(8)[:1], space="w")
    whole, small = (render.traversal(generator, directions, 0, [5, 6], largest=largest) for largest in (None, 4))
    assert small.shape == (2, 7, 3, 4, 4)
    torch.testing.assert_close(small, whole.unflatten(-1, (4, 4)).unflatten(-3, (4, 4)).mean(dim=(-1, -3)))
    samples = render.samples(generator, [5, 6], largest=4)
    torch.testing.assert_close(samples, small[:, 3])


def test_no_more_samples_are_made_at_once_than_memory_may_hold(monkeypatch):
    generator, seen = tiny_stylegan2(), []
    monkeypatch.setattr(render, "PIXELS", 3 * 16 * 16)
    whole = generator.synthesize

    def synthesize(ws, *rest):
        seen.append(len(ws))
        return whole(ws, *rest)

    monkeypatch.setattr(generator, "synthesize", synthesize)
    assert render.samples(generator, range(7)).shape[0] == 7
    assert seen == [3, 3, 1]


def test_edits_without_their_directions_or_with_those_of_another_generator_are_refused():
    generator, unlike = tiny_stylegan2(), tiny_pggan()
    z = generator.sample_latents(1, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"hue.* direction set"):
        generate_edited(generator, z, None, {"hue": 3.0})
    of_w = direction_set(torch.eye(8)[:1], space="w")
    with pytest.raises(ValueError, match="directions in w do not fit pggan, which has z"):
        generate_edited(unlike, unlike.sample_latents(1, torch.Generator().manual_seed(0)), of_w, {0: 1.0})
