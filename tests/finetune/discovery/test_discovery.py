import dataclasses

import pytest
import torch
from torch import Tensor

from orojar_finetune import DescentConfig, DiscoverConfig, discover, load_generator
from orojar_finetune.discovery import METHODS, jacobian
from orojar_finetune.discovery.descent import descend_basis
from orojar_finetune.discovery.random import random_basis
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.scenes import BUNDLED
from separable import Separable
from tiny import tiny_stylegan2

QUICK = DiscoverConfig(count=4, latents=8, held_out=8, samples=512, descent=DescentConfig(steps=30, batch_size=4))
NEED_W = {"sefa", "ganspace"}
"""Methods that ask for the space w where there is one."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layers", [None, (1, 4)])
def test_every_method_gives_orthonormal_directions_most_active_first(method, layers):
    found = discover(tiny_stylegan2(), QUICK, method=method, layers=layers, progress=False)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(4), atol=1e-5, rtol=0)
    assert list(found.activity) == sorted(found.activity, reverse=True)
    assert found.layers == (layers,) * 4
    assert (found.method, found.space, len(found.names)) == (method, "w", 4)
    assert 0 < found.scores["orthogonality"] < 1
    assert found.provenance["config"]["count"] == 4


@pytest.mark.parametrize("method", sorted(set(METHODS) - NEED_W))
@pytest.mark.parametrize("num_classes", [0, 3])
def test_directions_in_z_with_and_without_classes(method, num_classes):
    found = discover(tiny_stylegan2(num_classes=num_classes), QUICK, method=method, space="z", progress=False)
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sigmas, torch.ones(4))


@pytest.mark.parametrize("method", sorted(set(METHODS) - NEED_W))
def test_directions_in_a_part_of_z_stay_in_it(method, monkeypatch):
    generator = tiny_stylegan2()
    monkeypatch.setattr(type(generator), "latent_ranges", property(lambda _: {"coarse": (0, 3), "fine": (3, 8)}))
    found = discover(generator, QUICK, method=method, part="fine", progress=False)
    assert found.space == "z"
    assert not found.basis[:, :3].any()
    torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(4), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="at most 3"):
        discover(generator, QUICK, method=method, part="coarse", progress=False)
    with pytest.raises(ValueError, match="part 'middle': stylegan2 divides z in coarse, fine"):
        discover(generator, QUICK, method=method, part="middle", progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_generators_without_w_have_directions_in_z(method, monkeypatch):
    generator = Separable()
    monkeypatch.setattr(Separable, "spaces", ("z",))
    found = discover(generator, QUICK, method=method, progress=False)
    assert found.space == "z" and found.basis.shape == (4, 6)
    with pytest.raises(ValueError, match="layers needs the space w"):
        discover(generator, QUICK, method=method, layers=(0, 1), progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_directions_whatever_the_global_seed(method):
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        runs.append(discover(tiny_stylegan2(), QUICK, method=method, progress=False))
    assert torch.equal(runs[0].basis, runs[1].basis)
    assert runs[0].activity == runs[1].activity


@pytest.mark.parametrize("method", ["orojar-jd", "orojar"])
def test_the_directions_of_a_separable_generator_are_found(method):
    generator = Separable()
    config = DiscoverConfig(
        count=6, latents=64, descent=DescentConfig(steps=600, learning_rate=0.03, batch_size=64, patience=0)
    )
    found = discover(generator, config, method=method, progress=False)
    match = (found.basis @ generator.q.detach().T).abs()
    assert match.max(dim=1).values.min() > 0.98
    assert found.scores["orthogonality"] < 0.01
    assert discover(generator, config, method="random", progress=False).scores["orthogonality"] > 0.05


def test_wide_latents_get_the_same_directions_by_subspace_iteration(monkeypatch):
    generator = tiny_stylegan2(latent_size=24)
    exact = discover(generator, QUICK, space="z", progress=False)
    monkeypatch.setattr(jacobian, "EXACT_SIZE", 4)
    iterated = discover(generator, QUICK, space="z", progress=False)
    assert (iterated.basis @ exact.basis.T).abs().max(dim=1).values.min() > 0.99
    with_activations = discover(generator, QUICK, space="z", activations=(1, 3), batch_size=5, progress=False)
    torch.testing.assert_close(with_activations.basis @ with_activations.basis.T, torch.eye(4), atol=1e-5, rtol=0)


def test_sefa_is_the_eigenvectors_of_the_normalised_modulation_matrices():
    generator = tiny_stylegan2()
    found = discover(generator, QUICK, method="sefa", progress=False)
    names = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1", "b16.torgb"]
    rows = [
        generator.synthesis.get_submodule(name).affine.weight.detach().T for name in names
    ]  # w x out, as its authors keep it
    A = torch.cat(rows, dim=1)
    A = A / A.norm(dim=0, keepdim=True)
    values, vectors = torch.linalg.eigh(A @ A.T)
    match = (found.basis @ vectors[:, values.argsort(descending=True)[:4]]).abs()
    torch.testing.assert_close(match.max(dim=1).values, torch.ones(4))


def test_descent_stops_early_when_nothing_improves():
    start, steps = random_basis(3, 6, seed=0), []

    def loss(basis: Tensor, step: int) -> Tensor:
        steps.append(step)
        return 0 * basis.sum() + 1

    found = descend_basis(loss, start, DescentConfig(steps=4000, patience=50), Processes(progress=False))
    assert len(steps) == 75  # one window that counts as the best, then the patience
    torch.testing.assert_close(found, start)


def test_a_descent_whose_loss_is_never_finite_gives_no_basis():
    with pytest.raises(ValueError, match="never finite"):
        descend_basis(
            lambda basis, _: basis.sum() * torch.nan, random_basis(2, 4, 0), DescentConfig(steps=30), Processes(progress=False)
        )


def test_descent_keeps_the_basis_of_the_best_window():
    start, wanted = random_basis(2, 6, seed=0), random_basis(2, 6, seed=1)
    seen: list[Tensor] = []

    def loss(basis: Tensor, step: int) -> Tensor:
        seen.append(basis.detach().clone())
        distance = (basis - wanted).square().sum()
        return distance if step < 50 else -distance + 100  # from step 50 on it is driven away

    found = descend_basis(loss, start, DescentConfig(steps=100, learning_rate=0.03), Processes(progress=False))
    assert torch.equal(found, seen[49])


def test_the_generator_is_handed_back_as_it_was():
    generator = tiny_stylegan2().train()
    generator.synthesis.b4.const.requires_grad_(False)
    before = {name: p.clone() for name, p in generator.named_parameters()}
    discover(generator, QUICK, method="orojar", progress=False)
    assert generator.training
    assert [name for name, p in generator.named_parameters() if not p.requires_grad] == ["synthesis.b4.const"]
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in generator.named_parameters())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "pca"}, f"method must be one of {', '.join(METHODS)}, got 'pca'"),
        ({"count": 9}, "count must be at most 8"),
        ({"count": 0}, "count must be at least 1"),
        ({"layers": (2, 9)}, "reach past the 6 layers"),
        ({"layers": (3, 3)}, "a first layer and one past the last"),
        ({"layers": (0, 2), "space": "z"}, "layers needs the space w"),
        ({"part": "coarse", "space": "w"}, "part 'coarse' is one of z"),
        ({"part": "coarse"}, "stylegan2 divides no latent"),
        ({"activations": (6,)}, "activations must name layers 0..5"),
        ({"method": "sefa", "space": "z"}, "choose the space w"),
        ({"samples": 1}, "samples must be at least 2"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        discover(tiny_stylegan2(), QUICK, progress=False, **options)


def test_options_replace_fields_of_the_config():
    config = dataclasses.replace(QUICK, count=2)
    assert len(discover(tiny_stylegan2(), config, progress=False, method="random")) == 2
    with pytest.raises(TypeError, match="nonsense"):
        discover(tiny_stylegan2(), config, progress=False, nonsense=1)


def test_the_papers_form_drifts_to_directions_that_do_nothing_and_the_scale_free_form_does_not():
    """With fewer directions than dimensions, shrinking JᵀJ is the cheap way to lower the paper's loss."""
    generator, activity = load_generator(BUNDLED), {}
    for scale_free in (True, False):
        descent = DescentConfig(steps=120, learning_rate=0.02, batch_size=8, scale_free=scale_free, patience=0)
        config = DiscoverConfig(method="orojar", count=4, held_out=16, descent=descent)
        activity[scale_free] = discover(generator, config, progress=False).scores["activity"]
    assert activity[False] < 0.3 * activity[True]
