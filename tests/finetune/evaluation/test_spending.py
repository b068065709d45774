import pytest

from orojar_finetune import discover
from orojar_finetune.evaluation.spending import counting
from tiny import tiny_stylegan2


def test_every_image_is_counted_once_and_the_generator_is_handed_back():
    generator = tiny_stylegan2()
    ws = generator.map(generator.sample_latents(3))
    with counting(generator) as spent:
        generator.synthesize(ws)
        generator.synthesize_with_activations(ws, [0])
        generator(generator.sample_latents(2))
    assert spent.images == 8 and spent.seconds > 0
    assert not {"synthesize", "synthesize_with_activations"} & vars(generator).keys()
    generator.synthesize(ws)
    assert spent.images == 8


def test_an_error_hands_the_generator_back_too():
    generator = tiny_stylegan2()
    with pytest.raises(ValueError, match="method"), counting(generator):
        discover(generator, method="nothing")
    assert "synthesize" not in vars(generator)
