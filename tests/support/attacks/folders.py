"""Hostile folders: ours, adapters and BigGAN-deep's, whose configuration and weights anybody may have written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from attacks.attack import COMMAND, SOURCE, Attack
from attacks.networks import Payload
from attacks.torch_files import saved
from foreign_biggan import hugging_face_biggan_deep, hugging_face_config, save_biggan_deep
from orojar_adapters.readers import adapter as adapters
from tiny import tiny_adapter, tiny_biggan_deep, tiny_stylegan2

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
DEPTH = 450
"""Levels of JSON that the standard library still reads."""
Change = Callable[[Path], Any]


def model(change: Change, make: Callable = tiny_stylegan2) -> Callable[[Path], Path]:
    """A model folder, with something changed."""

    def write(folder: Path) -> Path:
        make().save_pretrained(folder / "model")
        change(folder / "model")
        return folder / "model"

    return write


def configured(make: Callable = tiny_stylegan2, **changes: Any) -> Callable[[Path], Path]:
    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps(config | changes))

    return model(change, make)


def with_file(name: str, data: bytes | str) -> Callable[[Path], Path]:
    return model(lambda folder: (folder / name).write_bytes(data.encode() if isinstance(data, str) else data))


def header(text: str, size: int | None = None, data: bytes = b"") -> Callable[[Path], Path]:
    """The weights, as a safetensors file with this header."""
    raw = text.encode()
    return with_file(WEIGHTS, (len(raw) if size is None else size).to_bytes(8, "little") + raw + data)


def entries(**tensors: tuple[str, list[int], int, int]) -> str:
    made = {name: {"dtype": kind, "shape": shape, "data_offsets": [a, b]} for name, (kind, shape, a, b) in tensors.items()}
    return json.dumps(made)


def tensors(change: Callable[[dict], Any]) -> Callable[[Path], Path]:
    def changed(folder: Path) -> None:
        state = load_file(folder / WEIGHTS)
        change(state)
        save_file(state, folder / WEIGHTS)

    return model(changed)


def nested(depth: int = DEPTH, key: str = "a") -> str:
    return f'{{"{key}":' * depth + "1" + "}" * depth


def lora(weights: Callable[[dict], Any] = lambda _: None, **changes: Any) -> Callable[[Path], Path]:
    """An adapter of a base beside it."""

    def write(folder: Path) -> Path:
        tiny_stylegan2().save_pretrained(folder / "base")
        (folder / "lora").mkdir()
        adapters.write(tiny_adapter(tiny_stylegan2(), str(folder / "base")), folder / "lora")
        config = json.loads((folder / "lora" / adapters.CONFIG).read_text())
        (folder / "lora" / adapters.CONFIG).write_text(json.dumps(config | changes))
        state = load_file(folder / "lora" / adapters.WEIGHTS)
        weights(state)
        save_file(state, folder / "lora" / adapters.WEIGHTS)
        return folder / "lora"

    return write


def biggan_deep(value: Any = None, **changes: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        generator = tiny_biggan_deep()
        state = hugging_face_biggan_deep(generator) | (value or {})
        return save_biggan_deep(folder / "deep", hugging_face_config(generator) | changes, state)

    return write


def link(name: str, target: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


FOLDERS = {
    "a class of the standard library": configured(_class_name="os.system"),
    "a class of diffusers": configured(_class_name="UNet2DModel"),
    "a class that is a list": configured(_class_name=["StyleGAN2"]),
    "a class of 1 MB": configured(_class_name="x" * 10**6),
    "an image of a billion pixels": configured(resolution=2**30),
    "a billion channels": configured(channels=[10**9] * 3),
    "channels below zero": configured(channels=[-8, -8, -4]),
    "channels that are true": configured(channels=[True] * 3),
    "channels that are an object": configured(channels={"8": 1}),
    "a hundred thousand blocks": configured(channels=[8] * 100_000),
    "a mapping a billion deep": configured(mapping_depth=10**9),
    "sizes of another kind": configured(latent_size="8", w_size=[8]),
    "sizes of 4000 digits": configured(latent_size=10**4000),
    "settings that are not a number": configured(conv_clamp=float("nan")),
    "a hundred thousand settings": configured(**{f"a{i}": i for i in range(100_000)}),
    "a setting called self": configured(self=1),
    "JSON that is source": with_file(CONFIG, SOURCE),
    "JSON a hundred thousand levels deep": with_file(CONFIG, "[" * 100_000),
    "JSON as deep as can be read": with_file(CONFIG, '{"_class_name": "StyleGAN2", "channels": ' + nested() + "}"),
    "JSON of five million empty lists": with_file(CONFIG, '{"a": [' + "[]," * 3 * 10**6 + "[]]}"),
    "JSON of a number of 5000 digits": with_file(CONFIG, '{"a": ' + "9" * 5000 + "}"),
    "JSON of other letters": with_file(CONFIG, "{}".encode("utf-16")),
    "JSON of eleven megabytes": with_file(CONFIG, " " * 11 * 2**20),
    "a history nested deep": with_file("training_config.json", '{"base": ' + nested() + "}"),
    "a history that is no JSON": with_file("training_config.json", "{"),
    "safetensors: an empty file": with_file(WEIGHTS, b""),
    "safetensors: a header of exabytes": header("{}", 2**62),
    "safetensors: a header cut short": header("{", 10),
    "safetensors: a header nested deep": header(nested(100_000)),
    "safetensors: a header of a hundred thousand tensors": header(
        json.dumps({f"a{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)})
    ),
    "safetensors: a tensor of terabytes": header(entries(a=("F32", [2**40], 0, 2**42))),
    "safetensors: a tensor whose size overflows": header(entries(a=("F32", [2**32, 2**32], 0, 0))),
    "safetensors: tensors that overlap": header(entries(a=("F32", [2], 0, 8), b=("F32", [2], 0, 8)), data=bytes(8)),
    "safetensors: a hole between tensors": header(entries(a=("F32", [1], 0, 4), b=("F32", [1], 8, 12)), data=bytes(12)),
    "safetensors: more data than tensors": header(entries(a=("F32", [1], 0, 4)), data=bytes(100)),
    "safetensors: a type that there is not": header(entries(a=("OBJECT", [1], 0, 4)), data=bytes(4)),
    "safetensors: 4 bits": header(entries(a=("F4", [2], 0, 1)), data=bytes(1)),
    "safetensors: 8 bits": header(entries(a=("F8_E8M0", [1], 0, 1)), data=bytes(1)),
    "safetensors: complex numbers": header(entries(a=("C64", [1], 0, 8)), data=bytes(8)),
    "safetensors: offsets the wrong way": header(entries(a=("F32", [1], 4, 0)), data=bytes(4)),
    "safetensors: a size below zero": header(entries(a=("F32", [-1], 0, 4)), data=bytes(4)),
    "safetensors: two tensors of one name": header(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        data=bytes(4),
    ),
    "safetensors: a pickle": with_file(WEIGHTS, saved(Payload())),
    "safetensors: not a number": tensors(lambda s: s["mapping.w_avg"].fill_(torch.nan)),
    "safetensors: without end": tensors(lambda s: s["synthesis.b4.const"].fill_(torch.inf)),
    "safetensors: a tensor too many": tensors(lambda s: s.update({"x\ny": torch.ones(1)})),
    "safetensors: whole numbers": tensors(lambda s: s.update({"mapping.w_avg": torch.ones(8, dtype=torch.int8)})),
    "safetensors: another shape": tensors(lambda s: s.update({"mapping.w_avg": torch.ones(2**20)})),
    "a link as weights that leads outside": model(link(WEIGHTS, "/etc/passwd")),
    "a link as weights that leads in circles": model(link(WEIGHTS, WEIGHTS)),
    "a link as configuration that leads outside": model(link(CONFIG, "/etc/passwd")),
    "a link as configuration to endless zeros": model(link(CONFIG, "/dev/zero")),
    "a link as weights to endless zeros": model(link(WEIGHTS, "/dev/zero")),
    "a pipe as weights": model(lambda folder: ((folder / WEIGHTS).unlink(), os.mkfifo(folder / WEIGHTS))),
    "a folder as weights": model(lambda folder: ((folder / WEIGHTS).unlink(), (folder / WEIGHTS).mkdir())),
    "adapter: of its own folder": lora(base_model_name_or_path="lora"),
    "adapter: of a file above": lora(base_model_name_or_path="../../../../../../etc/passwd"),
    "adapter: of a base with a zero byte": lora(base_model_name_or_path="a\0b"),
    "adapter: of a base of two lines": lora(base_model_name_or_path="a\nb"),
    "adapter: of no base": lora(base_model_name_or_path=None),
    "adapter: of a base that is a list": lora(base_model_name_or_path=["a"]),
    "adapter: a rank of billions": lora(r=2**40),
    "adapter: a rank of 4000 digits": lora(r=10**4000),
    "adapter: a strength without end": lora(lora_alpha=float("inf")),
    "adapter: a strength that is not a number": lora(lora_alpha=float("nan")),
    "adapter: a kind that runs code": lora(
        peft_type="CUSTOM", auto_mapping={"parent_library": "os", "base_model_class": "system"}
    ),
    "adapter: modules to save whole": lora(modules_to_save=["mapping"]),
    "adapter: factors of another shape": lora(lambda s: s.update({k: torch.ones(3, 99) for k in list(s)[:2]})),
    "adapter: factors that are not a number": lora(lambda s: s[next(iter(s))].fill_(torch.nan)),
    "adapter: factors that overflow": lora(lambda s: [t.fill_(3e38) for t in s.values()]),
    "adapter: one factor without the other": lora(lambda s: s.pop(next(iter(s)))),
    "adapter: of a layer that there is not": lora(
        lambda s: s.update({adapters.KEY.format("os.system", p): torch.ones(3, 3) for p in "AB"})
    ),
    "adapter: a tensor of another kind": lora(lambda s: s.update(evil=torch.ones(1))),
    "BigGAN-deep: a command in its weights": biggan_deep({"args": Payload()}),
    "BigGAN-deep: a billion layers": biggan_deep(layers=[[True, 16, 16]] * 200_000),
    "BigGAN-deep: layers that are text": biggan_deep(layers="True"),
    "BigGAN-deep: layers of nothing": biggan_deep(layers=[[]]),
    "BigGAN-deep: widths beyond all": biggan_deep(channel_width=10**12),
    "BigGAN-deep: a billion classes": biggan_deep(num_classes=10**9),
    "BigGAN-deep: a billion steps": biggan_deep(n_stats=10**9),
    "BigGAN-deep: a latent of exabytes": biggan_deep(z_dim=2**60),
    "BigGAN-deep: a latent that is text": biggan_deep(z_dim="8"),
    "BigGAN-deep: an epsilon that is not a number": biggan_deep(eps=float("nan")),
    "BigGAN-deep: an epsilon that is text": biggan_deep(eps=SOURCE),
    "BigGAN-deep: attention nowhere": biggan_deep(attention_layer_position=-(10**9)),
    "BigGAN-deep: not a number": biggan_deep({"embeddings.weight": torch.full((6, 3), torch.nan)}),
    "BigGAN-deep: another shape": biggan_deep({"embeddings.weight": torch.ones(6)}),
}
BESIDE = {
    "directions that are no JSON": with_file("directions.json", "{"),
    "directions nested deep": with_file("directions.json", nested(100_000, "sets")),
    "directions of another format": with_file("directions.json", json.dumps({"format": COMMAND * 1000, "sets": {}})),
    "directions that are a list": with_file("directions.json", "[1]"),
    "directions of a million empty lists": with_file("directions.json", '{"format": 1, "sets": [' + "[]," * 4 * 10**6 + "[]]}"),
}
HARMLESS = {
    "a discriminator that is the folder itself": (
        model(link("discriminator", ".")),
        "its class is not a discriminator's: that is told, and the generator is read without it",
    ),
    "a card of a million empty lines": (with_file("README.md", "---" + "\n" * 10**6), "no license is found in it"),
    "a card of a million spaces": (
        with_file("README.md", "---\nlicense: x" + " " * 10**6 + "y\n---\n"),
        "no license is found in it",
    ),
    "a card that is a script": (with_file("README.md", f"---\nlicense: {SOURCE}\n---\n"), "the license is only shown"),
    "a license nested deep": (
        with_file("training_config.json", '{"base": {"license": ' + nested(50) + "}}"),
        "a license that is not text counts as none",
    ),
    "code beside the weights": (with_file("modeling.py", SOURCE), "nothing imports it"),
    "weights that are a pickle beside good ones": (
        model(lambda folder: (folder / "pytorch_model.bin").write_bytes(saved(Payload()))),
        "nothing opens it",
    ),
    "an entry auto_map": (
        configured(_auto_map={"AutoModel": "modeling.StyleGAN2"}),
        "settings with an underscore are not used",
    ),
}

ATTACKS: list[Attack] = [
    *(Attack(what, write) for what, write in FOLDERS.items()),
    *(Attack(what, write, beside=True) for what, write in BESIDE.items()),
    *(Attack(what, write, harmless=why) for what, (write, why) in HARMLESS.items()),
]
