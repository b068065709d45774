"""Previews: what they show, and what they cost."""

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from linear import Linear, direction_set
from orojar_finetune import Directions
from orojar_finetune.images import render
from orojar_finetune.sharing import previews

GENERATOR = Linear(size=10, resolution=32, image_channels=3)


def directions(count: int = 3) -> Directions:
    return direction_set(torch.eye(10)[:count], space="w")


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """How many images are made at once, one entry a call."""
    counts, whole = [], Linear.synthesize_with_activations

    def counting(self, ws, *rest, **named):
        counts.append(len(ws))
        return whole(self, ws, *rest, **named)

    monkeypatch.setattr(Linear, "synthesize_with_activations", counting)
    return counts


def names(folder) -> set[str]:
    return {path.name for path in (folder / previews.FOLDER).glob("*")}


def pixels(path) -> bytes:
    with Image.open(path) as picture:
        return picture.tobytes()


def test_small_ones_of_ten_directions_cost_16_images_and_12_a_direction(tmp_path, made):
    previews.write(tmp_path, GENERATOR, directions(10), "small")
    assert sum(made) == 16 + 12 * 10
    assert names(tmp_path) == {"samples.png", "traversal.gif", *(f"direction_{i:02}.png" for i in range(10))}


def test_none_costs_nothing_and_leaves_none(tmp_path, made):
    previews.write(tmp_path, GENERATOR, directions(), "small")
    (tmp_path / previews.FOLDER / "mine.png").write_bytes(b"mine")
    made.clear()
    previews.write(tmp_path, GENERATOR, directions(), "none")
    assert made == [] and names(tmp_path) == {"mine.png"}


def test_small_ones_show_three_seeds_at_five_strengths_averaged_over_areas(tmp_path, monkeypatch):
    monkeypatch.setattr(previews, "SMALL_TILE", 8)
    monkeypatch.setattr(render, "SMALLEST_TILE", 1)
    previews.write(tmp_path, GENERATOR, directions(), "small")
    place, strengths = tmp_path / previews.FOLDER, (-3, -1.5, 0, 1.5, 3)
    whole = render.traversal(GENERATOR, directions(), 1, (0, 1, 2), strengths)
    small = F.avg_pool2d(whole.flatten(0, 1), 4).unflatten(0, (3, 5))
    assert pixels(place / "direction_01.png") == render.strip(small).tobytes()
    samples = F.avg_pool2d(render.samples(GENERATOR, range(16)).clamp(-1, 1), 4)
    assert pixels(place / "samples.png") == render.grid(samples, 8).tobytes()
    with Image.open(place / "traversal.gif") as gif:
        assert (gif.n_frames, gif.size) == (8, (24, 8))


def test_full_ones_show_every_pixel_at_seven_strengths(tmp_path):
    previews.write(tmp_path, GENERATOR, directions(), "full")
    place = tmp_path / previews.FOLDER
    whole = render.traversal(GENERATOR, directions(), 1, (0, 1, 2), (-3, -2, -1, 0, 1, 2, 3))
    assert pixels(place / "direction_01.png") == render.strip(whole).tobytes()
    assert pixels(place / "samples.png") == render.grid(render.samples(GENERATOR, range(32)), 8).tobytes()
    with Image.open(place / "traversal.gif") as gif:
        assert (gif.n_frames, gif.size) == (48, (192, 64))


@pytest.mark.parametrize("kind", ["small", "full"])
def test_without_directions_there_are_samples_alone(tmp_path, kind):
    previews.write(tmp_path, GENERATOR, None, kind)
    assert names(tmp_path) == {"samples.png"}


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="none, small, full, got 'large'"):
        previews.check("large")
