import pytest

from orojar_adapters import CheckpointError, load_discriminator, load_generator
from tiny import tiny_stylegan2


def test_a_source_without_a_discriminator_says_so(tmp_path):
    tiny_stylegan2().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="holds no discriminator"):
        load_discriminator(tmp_path)


def test_a_loaded_generator_is_ready_for_inference_and_for_training(tmp_path):
    tiny_stylegan2().train().save_pretrained(tmp_path)
    generator = load_generator(tmp_path)
    assert not generator.training
    assert all(parameter.requires_grad for parameter in generator.parameters())
