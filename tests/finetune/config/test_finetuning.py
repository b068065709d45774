import pytest

from orojar_finetune.config import DiscoverConfig, FidelityConfig, FinetuneConfig, RunConfig, SearchConfig


def test_one_seed_is_that_of_the_search_too():
    config = FinetuneConfig(discover=SearchConfig(method="sefa", space="w", count=3, layers=(1, 3)), run=RunConfig(seed=5))
    assert config.search == DiscoverConfig(method="sefa", space="w", count=3, layers=(1, 3), seed=5)


def test_a_search_that_cannot_be_is_refused_with_the_config():
    with pytest.raises(ValueError, match="layers"):
        FinetuneConfig(discover=SearchConfig(space="z", layers=(1, 3)))


@pytest.mark.parametrize("options", [{"keep": "bset"}, {"max_drift": float("nan")}, {"max_drift": 0.0}, {"latent": 3}])
def test_fidelity_is_checked(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        FidelityConfig(**options)


def test_a_batch_is_that_of_a_process_times_processes_times_accumulation():
    assert RunConfig(train_batch_size=4, gradient_accumulation_steps=3).effective_batch(2) == 24
