"""What holds for every method, whatever state the generator and torch are in."""

import pytest
import torch
from torch import Tensor, nn

from orojar_finetune import discover
from orojar_finetune.discovery import METHODS
from quick import quick_config
from separable import Separable
from tiny import tiny_biggan, tiny_stylegan2

PENALIZED = ["hessian", "hessian-scale-free", "orojar", "orojar-scale-free"]


class WithoutFloat64(Tensor):
    """A tensor of a device that has no float64, as Apple's: what is made of it has to go to the CPU first."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = super().__torch_function__(func, types, args, kwargs or {})
        if func is Tensor.cpu:
            return found.as_subclass(Tensor)
        if isinstance(found, WithoutFloat64) and found.dtype == torch.float64:
            raise TypeError("this device has no float64")
        return found


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"ganspace"}))
def test_float64_is_for_the_cpu_alone(method):
    """Of ganspace sums of features are too large to be moved: it asks `with_float64` where to keep them."""
    generator = tiny_stylegan2().requires_grad_(False)
    for module in generator.modules():
        for name, parameter in module.named_parameters(recurse=False):
            module.register_parameter(name, nn.Parameter(parameter.as_subclass(WithoutFloat64), requires_grad=False))
    ws = generator.map(generator.sample_latents(2, torch.Generator().manual_seed(0)))
    with pytest.raises(TypeError, match="no float64"):
        ws.double()
    assert len(discover(generator, quick_config(method), progress=False)) == 3


@pytest.mark.parametrize("method", METHODS)
def test_methods_work_where_gradients_are_switched_off(method):
    wanted = discover(tiny_stylegan2(), quick_config(method), progress=False)
    with torch.no_grad():
        found = discover(tiny_stylegan2(), quick_config(method), progress=False)
    assert torch.equal(found.basis, wanted.basis)


@pytest.mark.parametrize("method", sorted(set(METHODS) - set(PENALIZED)))
@pytest.mark.parametrize("make", [tiny_stylegan2, tiny_biggan])
def test_no_more_images_are_generated_at_once_than_asked_for(method, make, monkeypatch):
    """Descents on a penalty see all latents of a step at once, as their option says."""
    generator, rows = make(), []
    synthesize = type(generator).synthesize_with_activations

    def spy(self, ws, *rest):
        rows.append(len(ws))
        return synthesize(self, ws, *rest)

    monkeypatch.setattr(type(generator), "synthesize_with_activations", spy)
    discover(generator, quick_config(method), batch_size=2, progress=False)
    assert max(rows) <= 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_than_float32_are_refused(method, dtype):
    with pytest.raises(ValueError, match=r"in float32, this generator is .*: call generator.float\(\) first"):
        discover(tiny_stylegan2().to(dtype), quick_config(method), progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_damaged_weights_give_no_directions(method):
    generator = Separable()
    with torch.no_grad():
        generator.q[0, 0] = torch.nan
    with pytest.raises(ValueError, match="weights that are not finite"):
        discover(generator, quick_config(method), progress=False)


@pytest.mark.parametrize("method", [*PENALIZED, "latentclr"])
def test_a_single_direction_has_nothing_to_be_compared_with(method):
    with pytest.raises(ValueError, match="count must be at least 2, got 1"):
        discover(tiny_stylegan2(), quick_config(method), count=1, progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_the_random_state_of_gpus_is_left_alone(method, monkeypatch):
    generator, seeded = tiny_stylegan2(), []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    state = torch.random.get_rng_state()
    discover(generator, quick_config(method), progress=False)
    assert not seeded
    assert torch.equal(torch.random.get_rng_state(), state)
