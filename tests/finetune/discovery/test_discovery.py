import re

import pytest
import torch
from torch import Tensor

from orojar_finetune import DiscoverConfig, discover
from orojar_finetune.config import METHOD_OPTIONS, DescentOptions
from orojar_finetune.discovery import METHODS, jacobian
from orojar_finetune.discovery.bases import descend_basis, random_basis
from orojar_finetune.discovery.discovering import with_options
from orojar_finetune.runtime.processes import Processes
from quick import quick_config
from separable import Separable
from tiny import tiny_stylegan2

QUICK = quick_config(count=4, options={"latents": 8})
NEED_W = {"sefa", "ganspace"}
"""Methods that ask for the space w where there is one."""


def four(method: str) -> DiscoverConfig:
    return quick_config(method, 4, {"latents": 8, "samples": 512, "steps": 30})


def test_every_method_has_its_options_and_every_options_a_method():
    assert METHODS.keys() == METHOD_OPTIONS.keys()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layers", [None, (1, 4)])
def test_every_method_gives_orthonormal_directions_most_active_first(method, layers):
    found = discover(tiny_stylegan2(), four(method), layers=layers, progress=False)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(4), atol=1e-5, rtol=0)
    assert list(found.activity) == sorted(found.activity, reverse=True)
    assert found.layers == (layers,) * 4
    assert (found.method, found.space, len(found.names)) == (method, "w", 4)
    assert 0 < found.scores["off_diagonal_cos2"] < 1
    assert found.provenance["config"]["count"] == 4


@pytest.mark.parametrize("method", sorted(set(METHODS) - NEED_W))
@pytest.mark.parametrize("num_classes", [0, 3])
def test_directions_in_z_with_and_without_classes(method, num_classes):
    found = discover(tiny_stylegan2(num_classes=num_classes), four(method), space="z", progress=False)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sigmas, torch.ones(4))


@pytest.mark.parametrize("method", sorted(set(METHODS) - NEED_W))
def test_directions_in_a_part_of_z_stay_in_it(method, monkeypatch):
    generator = tiny_stylegan2()
    monkeypatch.setattr(type(generator), "latent_ranges", property(lambda _: {"coarse": (0, 3), "fine": (3, 8)}))
    found = discover(generator, four(method), part="fine", progress=False)
    assert found.space == "z"
    assert not found.basis[:, :3].any()
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(4), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="at most 3"):
        discover(generator, four(method), part="coarse", progress=False)
    with pytest.raises(ValueError, match="part 'middle': stylegan2 divides z into coarse, fine"):
        discover(generator, four(method), part="middle", progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_generators_without_w_have_directions_in_z(method, monkeypatch):
    generator = Separable()
    monkeypatch.setattr(Separable, "spaces", ("z",))
    found = discover(generator, four(method), progress=False)
    assert found.space == "z" and found.basis.shape == (4, 6)
    with pytest.raises(ValueError, match="layers needs"):
        discover(generator, four(method), layers=(0, 1), progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_directions_whatever_the_global_seed(method):
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        runs.append(discover(tiny_stylegan2(), four(method), progress=False))
    assert torch.equal(runs[0].basis, runs[1].basis)
    assert runs[0].activity == runs[1].activity


def test_the_directions_of_a_separable_generator_are_found():
    generator = Separable()
    found = discover(generator, count=6, latents=64, progress=False)
    match = (found.basis @ generator.q.detach().T).abs()
    assert match.max(dim=1).values.min() > 0.98
    assert found.scores["off_diagonal_cos2"] < 0.01 and found.scores["off_diagonal_share"] < 0.01
    assert discover(generator, method="random", count=6, progress=False).scores["off_diagonal_share"] > 0.05


def test_wide_latents_get_the_same_directions_by_subspace_iteration(monkeypatch):
    generator = tiny_stylegan2(latent_size=24)
    exact = discover(generator, QUICK, space="z", progress=False)
    monkeypatch.setattr(jacobian, "EXACT_SIZE", 4)
    iterated = discover(generator, QUICK, space="z", progress=False)
    assert (iterated.basis @ exact.basis.T).abs().max(dim=1).values.min() > 0.99
    with_activations = discover(generator, QUICK, space="z", activations=(1, 3), batch_size=5, progress=False)
    torch.testing.assert_close(with_activations.basis @ with_activations.basis.T, torch.eye(4), atol=1e-5, rtol=0)


def test_descent_stops_early_when_nothing_improves():
    start, steps = random_basis(3, 6, seed=0), []

    def loss(basis: Tensor, step: int) -> Tensor:
        steps.append(step)
        return 0 * basis.sum() + 1

    found = descend_basis(loss, start, DescentOptions(steps=4000, patience=50), Processes(progress=False))
    assert len(steps) == 75  # one window that counts as the best, then the patience
    torch.testing.assert_close(found, start)


def test_a_descent_whose_loss_is_never_finite_gives_no_basis():
    with pytest.raises(ValueError, match="never finite"):
        descend_basis(
            lambda basis, _: basis.sum() * torch.nan, random_basis(2, 4, 0), DescentOptions(steps=30), Processes(progress=False)
        )


def test_descent_keeps_the_basis_of_the_best_window():
    start, wanted = random_basis(2, 6, seed=0), random_basis(2, 6, seed=1)
    seen: list[Tensor] = []

    def loss(basis: Tensor, step: int) -> Tensor:
        seen.append(basis.detach().clone())
        distance = (basis - wanted).square().sum()
        return distance if step < 50 else -distance + 100  # from step 50 on it is driven away

    found = descend_basis(loss, start, DescentOptions(steps=100, learning_rate=0.03), Processes(progress=False))
    assert torch.equal(found, seen[49])


def test_the_generator_is_handed_back_as_it_was():
    generator = tiny_stylegan2().train()
    generator.synthesis.b4.const.requires_grad_(False)
    before = {name: p.clone() for name, p in generator.named_parameters()}
    discover(generator, four("orojar"), progress=False)
    assert generator.training
    assert [name for name, p in generator.named_parameters() if not p.requires_grad] == ["synthesis.b4.const"]
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in generator.named_parameters())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "pca"}, f"method must be one of {', '.join(METHODS)}, got 'pca'"),
        ({"count": 9}, "count must be at most 8"),
        ({"count": 0}, "count must be greater than or equal to 1, got 0"),
        ({"layers": (2, 9)}, "reach past the 6 layers"),
        ({"layers": (3, 3)}, "START END"),
        ({"layers": (0, 2), "space": "z"}, "layers needs"),
        ({"part": "coarse", "space": "w"}, "part 'coarse'"),
        ({"part": "coarse"}, "stylegan2 does not divide its z"),
        ({"space": "s"}, "space must be 'auto', 'z', 'w' or 'w+', got 's'"),
        ({"activations": (6,)}, "activations must name layers 0..5"),
        ({"activations": "2,six"}, "activations"),
        ({"method": "sefa", "space": "z"}, "choose the space w"),
        ({"method": "ganspace", "samples": 1}, "samples must be greater than or equal to 2"),
        ({"epsilon": float("nan")}, "epsilon must be a finite number, got nan"),
        ({"method": "orojar", "learning_rate": float("inf")}, "learning_rate must be a finite number, got inf"),
        ({"method": "orojar", "steps": 2.5}, "steps must be a valid integer"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        discover(tiny_stylegan2(), progress=False, **{"count": 4, **options})


def test_options_replace_fields_of_the_config_and_options_of_the_method():
    config = DiscoverConfig(method="orojar", count=2, method_options={"steps": "7", "activations": "1,2"})
    assert config.method_options == {"steps": 7, "activations": (1, 2)}
    changed = with_options(config, {"count": 3, "probes": 4})
    assert (changed.count, changed.method_options) == (3, {"steps": 7, "activations": (1, 2), "probes": 4})
    assert changed.options.probes == 4 and changed.options.epsilon == 0.1
    assert with_options(config, {"method": "sefa"}).method_options == {}  # those of another method
    found = discover(tiny_stylegan2(), config, progress=False, method="random")
    assert len(found) == 2 and found.provenance["config"]["method"] == "random"


@pytest.mark.parametrize(
    ("method", "has"), [("orojar", "probes"), ("orojar-jd", "latents, epsilon"), ("sefa", "none of its own")]
)
def test_an_option_that_a_method_does_not_have_is_refused_with_those_it_has(method, has):
    with pytest.raises(TypeError, match=rf"'temperature'; {method} has .*{has}.*every method .*count"):
        discover(tiny_stylegan2(), method=method, temperature=0.5)
    with pytest.raises(ValueError, match=rf"{method} has no option 'temperature'; it has: .*{has.split()[0]}"):
        DiscoverConfig(method=method, method_options={"temperature": 0.5})
