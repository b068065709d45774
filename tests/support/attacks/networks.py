"""NVlabs' pickles, of PyTorch and of TensorFlow, with something hostile in their modules, sources and arrays."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attacks.attack import COMMAND, SOURCE, Attack, of_bytes
from foreign_files import Name, Persistent, Pickler, persistent, pickled, save_pickle
from foreign_tf import TFNetwork, network, tf_generator
from hostile import call, deep, program, string
from orojar_adapters.networks.stylegan2 import StyleGAN2
from tiny import tiny_discriminator, tiny_stylegan2

INERT = "Python source in the file is digested, and never run"


class Payload:
    """The payload inside something else."""

    def __reduce__(self):
        import os

        return os.system, (COMMAND,)


class Raw:
    """Instructions written into a pickle as they are."""

    def __init__(self, instructions: bytes) -> None:
        self.instructions = instructions


class Storage:
    """A tensor whose embedded storage is these bytes."""

    def __init__(self, data: bytes, size: Any = (1,), stride: Any = (1,), offset: Any = 0) -> None:
        self.data, self.layout = data, (offset, size, stride)


def _save_storage(pickler: Pickler, tensor: Storage) -> None:
    storage = _Call(Name("torch.storage", "_load_from_bytes"), (tensor.data,))
    pickler.save_reduce(Name("torch._utils", "_rebuild_tensor_v2"), (storage, *tensor.layout, False, {}), obj=tensor)


class _Call:
    def __init__(self, function: Name, args: tuple) -> None:
        self.function, self.args = function, args


Pickler.dispatch |= {
    Raw: lambda pickler, raw: pickler.write(raw.instructions),
    Storage: _save_storage,
    _Call: lambda pickler, made: pickler.save_reduce(made.function, made.args, obj=made),
}


FOUR = torch.ones(4)


def blob(value: Any = FOUR) -> bytes:
    """A storage in torch's legacy format, as NVlabs' pickles embed them."""
    file = io.BytesIO()
    if isinstance(value, torch.Tensor):
        value = torch.storage.TypedStorage(wrap_storage=value.untyped_storage(), dtype=value.dtype, _internal=True)
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def tampered(change: Callable[[dict], Any], *names: str, source: str = SOURCE) -> Callable[[Path], Path]:
    """A StyleGAN2 with one module's state changed."""

    def write(folder: Path) -> Path:
        record = persistent(tiny_stylegan2(), source)
        inner = record
        for name in names:
            inner = inner.meta["state"]["_modules"][name]
        change(inner.meta["state"])
        return save_pickle({"G_ema": record}, folder / "attack.pkl")

    return write


def parameter(value: Any) -> Callable[[Path], Path]:
    return tampered(lambda state: state["_parameters"].update(bias=value), "synthesis", "b8", "conv0")


def whole(value: Any) -> Callable[[Path], Path]:
    return lambda folder: save_pickle(value() if callable(value) else value, folder / "attack.pkl")


def _ring() -> dict[str, Any]:
    meta: dict[str, Any] = {"class_name": "Generator", "state": {"_modules": {}}}
    meta["state"]["_modules"]["b"] = Persistent(meta)
    return {"G": Persistent(meta)}


def _shared() -> dict[str, Any]:
    """Every large weight of a mapping of forty layers is the same 4 MB of the file."""
    with torch.device("meta"):
        deep_one = StyleGAN2(16, [8, 8, 4], latent_size=1024, w_size=1024, mapping_depth=40)
    data = blob(torch.ones(1024 * 1024))
    for module in deep_one.modules():
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            large = tensor is not None and tensor.numel() == 2**20
            new: Any = Storage(data, (1024, 1024), (1024, 1)) if large else torch.zeros(tensor.shape)
            (module._parameters if name in module._parameters else module._buffers)[name] = new
    return {"G_ema": persistent(deep_one)}


def _many_tensors() -> dict[str, Any]:
    one = torch.ones(1)
    return {"G_ema": Persistent({"class_name": "G", "state": {"_parameters": {str(i): one for i in range(11_000)}}})}


def _tf(**changes: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        made = tf_generator(tiny_stylegan2())
        return save_pickle((None, None, TFNetwork({**made.state, **changes})), folder / "attack.pkl")

    return write


def _tf_ring() -> Any:
    made = network({})
    made.state["components"]["mapping"] = made
    return made


def _variable(value: Any) -> Callable[[Path], Path]:
    return _tf(variables=[("dlatent_avg", value)])


DEEP_SOURCE = "x" * 5 * 2**20
ATTACKS: list[Attack] = [
    Attack("source embedded in every module", tampered(lambda _: None), harmless=INERT),
    Attack("embedded source of megabytes", tampered(lambda _: None, source=DEEP_SOURCE), harmless=INERT),
    Attack("arguments of __init__ call a command", tampered(lambda state: state.update(_init_args=Payload()))),
    Attack("arguments of __init__ hold source", tampered(lambda s: s.update(_init_args=[SOURCE])), harmless="never looked at"),
    Attack("hooks of a module", tampered(lambda state: state.update(_forward_hooks={0: Payload()}), "mapping")),
    Attack("a command as a parameter", parameter(Payload())),
    Attack("a command beside the networks", whole(lambda: {"G": persistent(tiny_stylegan2()), "training_set": Payload()})),
    Attack("a command in the discriminator alone", whole(lambda: {"G": persistent(tiny_stylegan2()), "D": Payload()})),
    Attack(
        "a discriminator with a damaged tensor",
        whole(lambda: {"G": persistent(tiny_stylegan2()), "D": Persistent({"state": {"_parameters": {"a": "b"}}})}),
        harmless="the generator is read without it",
    ),
    Attack("a module that contains itself", whole(_ring)),
    Attack("modules nested deeper than any", whole({"G": Raw(deep("call", 5_000))})),
    Attack("a module with eleven thousand tensors", whole(_many_tensors)),
    Attack("forty weights that are one", whole(_shared)),
    Attack("a module whose state is text", whole({"G": Persistent({"state": SOURCE})})),
    Attack(
        "a module that is called by number",
        tampered(lambda state: state["_modules"].update({7: None}), "mapping"),
        harmless="no module, as in modules without children",
    ),
    Attack("a name of a module with line breaks", tampered(lambda s: s["_parameters"].update({"a\nb": torch.ones(1)}))),
    Attack("weights that are not a number", parameter(torch.full((8,), torch.nan))),
    Attack("weights without end", parameter(torch.full((8,), torch.inf))),
    Attack("whole numbers as weights", parameter(torch.ones(8, dtype=torch.int64))),
    Attack("truth values as weights", parameter(torch.ones(8, dtype=torch.bool))),
    Attack("weights of another shape", parameter(torch.ones(9))),
    Attack(
        "a resampling filter of nothing",
        tampered(lambda s: s["_buffers"].update(resample_filter=torch.zeros(4, 4)), "synthesis", "b8"),
    ),
    Attack("a clamp without end", tampered(lambda state: state.update(conv_clamp=float("inf")), "synthesis", "b4", "conv1")),
    Attack("a clamp of 600 digits", tampered(lambda state: state.update(conv_clamp=10**600), "synthesis", "b4", "conv1")),
    Attack(
        "an activation that is a list in itself",
        tampered(
            lambda state: state.update(
                activation=Raw(pickle.EMPTY_LIST + pickle.MEMOIZE + pickle.BINGET + b"\0" + pickle.APPEND)
            ),
            "synthesis",
            "b4",
            "conv1",
        ),
    ),
    Attack("a storage with a command in it", parameter(Storage(program(call("os.system", string(COMMAND)))))),
    Attack(
        "a storage with a command behind its number",
        parameter(Storage(blob()[:14] + program(call("os.system", string(COMMAND))))),
    ),
    Attack("a storage that is a zip", parameter(Storage(b"PK\3\4" + bytes(100)))),
    Attack("a storage in a storage", parameter(Storage(blob([Storage])[:60]))),
    Attack("a storage cut short", parameter(Storage(blob()[:-4], (4,)))),
    Attack("a storage of two hundred thousand instructions", parameter(Storage(b"\x80\2" + b"NN0" * 70_000 + b"."))),
    Attack("a tensor larger than its storage", parameter(Storage(blob(), (2**40,)))),
    Attack("a tensor of a negative size", parameter(Storage(blob(), (-1,)))),
    Attack("a tensor of no size", parameter(Storage(blob(), (0,)))),
    Attack("a tensor that begins behind its storage", parameter(Storage(blob(), (4,), (1,), 1))),
    Attack("a tensor that begins before its storage", parameter(Storage(blob(), (4,), (1,), -1))),
    Attack("a tensor that walks backwards", parameter(Storage(blob(), (4,), (-1,), 3))),
    Attack("a tensor with steps beyond 64 bits", parameter(Storage(blob(), (1,), (2**70,)))),
    Attack("a tensor with steps of 64 bits", parameter(Storage(blob(), (1,), (2**63 - 1,)))),
    Attack("a tensor whose size is true", parameter(Storage(blob(), (True,), (1,)))),
    Attack("a tensor whose size is text", parameter(Storage(blob(), "4", "1"))),
    Attack("a tensor of 9 dimensions", parameter(Storage(blob(), (1,) * 9, (1,) * 9))),
    Attack("a tensor whose size and steps differ in number", parameter(Storage(blob(), (2, 2), (1,)))),
    Attack("an array of Python objects", parameter(np.array([Payload()], dtype=object))),
    Attack("TensorFlow: embedded source", _tf(build_module_src=SOURCE), harmless=INERT),
    Attack("TensorFlow: source that is not text", _tf(build_module_src=[SOURCE]), harmless=INERT),
    Attack("TensorFlow: a command as source", _tf(build_module_src=Payload())),
    Attack("TensorFlow: a command among the settings", _tf(static_kwargs={"fmap_base": Payload()})),
    Attack("TensorFlow: an array of objects that run a command", _variable(np.array([Payload()], dtype=object))),
    Attack("TensorFlow: an array of harmless objects", _variable(np.array([1, None], dtype=object))),
    Attack("TensorFlow: an array of texts", _variable(np.array(["os.system"]))),
    Attack("TensorFlow: an array of records", _variable(np.zeros(2, dtype=[("a", "f4"), ("b", "O")]))),
    Attack("TensorFlow: an array that is not a number", _variable(np.full(8, np.nan, np.float32))),
    Attack("TensorFlow: an array of complex numbers", _variable(np.zeros(8, np.complex64))),
    Attack("TensorFlow: a network that contains itself", whole(_tf_ring)),
    Attack("TensorFlow: a network without a state", whole((None, None, TFNetwork(None)))),
    Attack("TensorFlow: variables by the thousand", _tf(variables=[(str(i), None) for i in range(11_000)])),
    Attack("TensorFlow: variables that are not pairs", _tf(variables=[(1, 2, 3), None])),
    Attack("TensorFlow: four thousand networks in a row", whole(tuple([network({})] * 4_000))),
    Attack("TensorFlow: a resampling kernel without end", _tf(static_kwargs={"resample_kernel": [float("inf")] * 4})),
    of_bytes(
        "a snapshot cut in half", lambda: (d := pickled({"G_ema": persistent(tiny_stylegan2())}))[: len(d) // 2], "attack.pkl"
    ),
    of_bytes(
        "two snapshots, the second a command",
        lambda: pickled({"G_ema": persistent(tiny_stylegan2())}) + program(call("os.system", string(COMMAND))),
        "attack.pkl",
        harmless="what follows the first pickle is not read",
    ),
    Attack("only a discriminator", whole(lambda: {"D": persistent(tiny_discriminator())})),
]
