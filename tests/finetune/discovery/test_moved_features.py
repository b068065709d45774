import pytest

from linear_features import LinearFeatures
from orojar_finetune.discovery.moved_features import moved_features
from orojar_finetune.latents.latent_space import LatentSpace
from tiny import tiny_biggan, tiny_stylegan2


def test_features_before_the_moved_layers_stay():
    generator = tiny_stylegan2()
    assert moved_features(LatentSpace(generator, "w"), 0) == (0, 1, 2, 3, 4, 5)
    assert moved_features(LatentSpace(generator, "w", layers=(3, 5)), 0) == (3, 4, 5)
    assert moved_features(LatentSpace(generator, "w", layers=(3, 5)), 0, (4,)) == (4,)
    assert moved_features(LatentSpace(generator, "z"), 0) == (0, 1, 2, 3, 4, 5)


def test_a_chunk_of_a_hierarchical_z_moves_what_comes_after_it():
    generator = tiny_biggan()
    assert moved_features(LatentSpace(generator, "z", part="coarse"), 0) == (0, 1, 2)
    assert moved_features(LatentSpace(generator, "z", part="fine"), 0) == (1, 2)


def test_a_named_layer_that_stays_is_refused():
    with pytest.raises(ValueError, match=r"layers that these directions change, of \(3, 4, 5\), got \(1, 4\)"):
        moved_features(LatentSpace(tiny_stylegan2(), "w", layers=(3, 5)), 0, (1, 4))
    with pytest.raises(ValueError, match="no feature map of this generator changes"):
        moved_features(LatentSpace(LinearFeatures([0.0] * 6), "z"), 0)
