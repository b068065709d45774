import re

import pytest
import torch
from PIL import Image

from orojar_finetune.config import DataConfig
from orojar_finetune.images.opening import find_source, open_real_images
from orojar_finetune.images.real_images import GeneratorSamples, ImageData, RenderedScenes
from tiny import tiny_stylegan2

CPU = torch.device("cpu")


def test_words_name_scenes_and_the_originals_samples():
    generator, original = tiny_stylegan2(), tiny_stylegan2(seed=1)
    assert isinstance(open_real_images("scenes", generator, 0, CPU, DataConfig()), RenderedScenes)
    for word in ("none", "original"):
        found = open_real_images(word, generator, 0, CPU, DataConfig(), original)
        assert isinstance(found, GeneratorSamples) and found.original is original


def test_words_that_do_not_fit_the_generator_say_why():
    for generator in (tiny_stylegan2(num_classes=2), tiny_stylegan2(image_channels=1)):
        has = f"{generator.image_channels} channels and {generator.num_classes} classes"
        with pytest.raises(ValueError, match=f"scenes are RGB without classes, .* {has}"):
            open_real_images("scenes", generator, 0, CPU, DataConfig())
    for word in ("none", "original"):
        with pytest.raises(ValueError, match=f"{word} needs a pretrained generator"):
            open_real_images(word, tiny_stylegan2(), 0, CPU, DataConfig())


def test_a_folder_that_is_called_like_a_word_is_said_to_be_ignored(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_real_images("scenes", tiny_stylegan2(), 0, CPU, DataConfig()), RenderedScenes)
    assert not caplog.text
    (tmp_path / "scenes").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "scenes" / "a.png")
    assert isinstance(open_real_images("scenes", tiny_stylegan2(), 0, CPU, DataConfig()), RenderedScenes)
    assert "type ./scenes" in caplog.text
    assert isinstance(open_real_images("./scenes", tiny_stylegan2(), 0, CPU, DataConfig()), ImageData)


@pytest.mark.parametrize(
    "data", ["nothing-here", "photos/cats.zip", "/nothing/here", "a/b/c", "", "~nobody/x/y", "a" * 300, "a\0/b"]
)
def test_what_is_neither_here_nor_a_name_on_the_hub_says_what_to_type(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"{re.escape(repr(data))} does not exist; type a folder"):
        find_source(data, DataConfig())
