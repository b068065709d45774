"""Adapter folders in peft's layout: ours and peft's own are read alike, and everything in them is doubted."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file, save_file

from orojar_adapters import CheckpointError, load_discriminator, load_generator, open_source
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import folder
from tiny import tiny_adapter, tiny_discriminator, tiny_stylegan2

KEY = "base_model.model.synthesis.b8.conv0.affine.lora_A.weight"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A whole generator on this disk."""
    tiny_stylegan2().save_pretrained(tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def model(tmp_path: Path, base: Path) -> Path:
    """An adapter of it."""
    (tmp_path / "model").mkdir()
    adapters.write(tiny_adapter(tiny_stylegan2(), str(base)), tmp_path / "model")
    return tmp_path / "model"


def folded():
    generator = tiny_stylegan2()
    tiny_adapter(generator).fold_into(generator)
    return generator


def same(a, b) -> bool:
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def configure(model: Path, **changes: Any) -> None:
    config = json.loads((model / adapters.CONFIG).read_text())
    (model / adapters.CONFIG).write_text(json.dumps(config | changes))


def images(generator):
    with torch.no_grad():
        return generator(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)))


def test_what_was_written_is_read_and_folded_into_its_base(model, base):
    generator = load_generator(model)
    assert same(generator, folded())
    assert not generator.training and all(p.requires_grad for p in generator.parameters())
    facts = generator.source_facts
    assert (facts.source, facts.file, facts.origin) == (str(model), adapters.WEIGHTS, "orojar-finetune")
    assert facts.adapter == {"base": str(base), "revision": None, "rank": 3, "alpha": 5.0}
    assert facts.holds == ("adapter",) and facts.has_discriminator is False
    assert facts.base["source"] == "base" and facts.base["origin"] == "orojar-finetune"


def test_an_adapter_comes_back_as_it_was(model, base):
    found, written = adapters.read(model), tiny_adapter(tiny_stylegan2(), str(base))
    assert (found.base, found.revision, found.rank, found.alpha) == (str(base), None, 3, 5.0)
    assert found.factors.keys() == written.factors.keys()
    for name, pair in written.factors.items():
        assert all(torch.equal(a, b) for a, b in zip(found.factors[name], pair, strict=True))


def test_peft_reads_what_we_write(model):
    found = peft.PeftModel.from_pretrained(tiny_stylegan2(), model).eval()
    torch.testing.assert_close(images(found), images(folded()), atol=1e-4, rtol=1e-4)


def test_we_read_what_peft_writes(tmp_path, base):
    adapter = tiny_adapter(tiny_stylegan2())
    generator = tiny_stylegan2()
    generator.name_or_path = str(base)  # where peft looks
    wrapped = peft.get_peft_model(generator, peft.LoraConfig(r=3, lora_alpha=5, target_modules=list(adapter.factors)))
    for name, (down, up) in adapter.factors.items():
        layer = wrapped.base_model.model.get_submodule(name)
        layer.lora_A["default"].weight.data.copy_(down)
        layer.lora_B["default"].weight.data.copy_(up)
    wrapped.save_pretrained(tmp_path / "theirs")
    assert same(load_generator(tmp_path / "theirs"), folded())


def test_what_a_folder_says_of_its_base_and_its_discriminator_are_read_too(model):
    said = {"source": "user/repo", "license": "cc-by-nc-4.0", "revision": "abc"}
    (model / folder.PROVENANCE).write_text(json.dumps({"base": said}))
    tiny_discriminator().save_pretrained(model / folder.DISCRIMINATOR)
    facts = load_generator(model).source_facts
    assert (facts.license, facts.base) == ("cc-by-nc-4.0", said)
    assert facts.holds == ("adapter", "discriminator") and facts.has_discriminator
    assert same(load_discriminator(model), tiny_discriminator())


def test_without_a_word_the_license_is_the_bases(model, base):
    (base / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert load_generator(model).source_facts.license == "cc-by-nc-4.0"


def test_a_whole_generator_beside_an_adapter_is_what_the_folder_holds(model):
    tiny_stylegan2(seed=1).save_pretrained(model)
    found = load_generator(model)
    assert same(found, tiny_stylegan2(seed=1))
    assert found.source_facts.adapter is None


@pytest.fixture
def on_hub(hub, tmp_path, request) -> tuple[str, str, str]:
    """A base and an adapter of it on the Hub, and the base's commit."""
    name = f"tester/{request.node.name[:60].rstrip('_')}"
    tiny_stylegan2().save_pretrained(tmp_path / "b")
    api = HfApi()
    api.create_repo(name)
    api.upload_folder(folder_path=tmp_path / "b", repo_id=name)
    revision = api.model_info(name).sha
    (tmp_path / "a").mkdir()
    adapters.write(tiny_adapter(tiny_stylegan2(), name, revision), tmp_path / "a")
    api.create_repo(f"{name}-lora")
    api.upload_folder(folder_path=tmp_path / "a", repo_id=f"{name}-lora")
    return name, f"{name}-lora", revision


def test_an_adapter_on_the_hub_fetches_its_base(on_hub):
    name, adapted, revision = on_hub
    generator = load_generator(adapted)
    assert same(generator, folded())
    facts = generator.source_facts
    assert facts.adapter == {"base": name, "revision": revision, "rank": 3, "alpha": 5.0}
    assert facts.revision == HfApi().model_info(adapted).sha
    assert (facts.base["source"], facts.base["revision"]) == (name, revision)


def test_the_base_is_taken_at_the_revision_that_was_tuned(on_hub, tmp_path):
    name, adapted, _ = on_hub
    tiny_stylegan2(seed=1).save_pretrained(tmp_path / "later")
    HfApi().upload_folder(folder_path=tmp_path / "later", repo_id=name)
    assert same(load_generator(adapted), folded())


def test_a_folder_of_the_bases_name_is_not_taken_for_the_base(on_hub, tmp_path, monkeypatch):
    name, adapted, _ = on_hub
    tiny_stylegan2(seed=1).save_pretrained(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="same name"):
        load_generator(adapted)


def test_a_base_that_is_gone_from_the_hub_is_named(on_hub, tmp_path):
    configure(tmp_path / "a", base_model_name_or_path="tester/never-there")
    with pytest.raises(
        CheckpointError, match=r"it is an adapter of 'tester/never-there' at revision \w+, which cannot be used"
    ):
        load_generator(tmp_path / "a")


def test_a_base_that_is_not_on_this_machine_is_named_with_what_to_do(model, base):
    shutil.rmtree(base)
    words = f"'{base}', which cannot be used: no such file; set base_model_name_or_path"
    with pytest.raises(CheckpointError, match=words):
        load_generator(model)


def test_a_base_that_is_damaged_says_so(model, base):
    (base / folder.WEIGHTS).write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"it is an adapter of .* which cannot be used: .* damaged or cut short"):
        load_generator(model)


def test_an_adapter_of_another_size_of_network_is_refused(model, base):
    tiny_stylegan2(image_channels=1).save_pretrained(base)
    load_generator(model)  # gray images leave the modulation layers as they are
    config = json.loads((base / folder.CONFIG).read_text())
    assert config["image_channels"] == 1
    state = load_file(model / adapters.WEIGHTS)
    save_file({name: value.repeat(1, 2) if name == KEY else value for name, value in state.items()}, model / adapters.WEIGHTS)
    with pytest.raises(CheckpointError, match=r"cannot read .*: the adapter changes 'synthesis.b8.conv0.affine' by 8 x 16"):
        load_generator(model)


def test_an_adapter_of_itself_or_of_an_adapter_is_refused_at_once(model, tmp_path):
    configure(model, base_model_name_or_path=str(model))
    with pytest.raises(CheckpointError, match="orojar merge"):
        load_generator(model)
    shutil.copytree(model, tmp_path / "second")
    configure(model, base_model_name_or_path=str(tmp_path / "second"))
    for path in (model, tmp_path / "second"):
        with pytest.raises(CheckpointError, match="it is an adapter itself"):
            load_generator(path)


HUGE = 10**4000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peft_type": "LOHA"}, "an adapter of the kind 'LOHA', expected LORA"),
        ({"peft_type": None}, "an adapter of the kind None, expected LORA"),
        ({"peft_type": [[]]}, "an adapter of the kind a list, expected LORA"),
        ({"base_model_name_or_path": None}, "must name its base as base_model_name_or_path, it names None"),
        ({"base_model_name_or_path": ""}, "must name its base"),
        ({"base_model_name_or_path": ["a"]}, "must name its base as base_model_name_or_path, it names a list"),
        ({"base_model_name_or_path": "a" * 2000}, "must name its base"),
        ({"base_model_name_or_path": "/" + "a" * 1000}, "which cannot be used: File name too long"),
        ({"base_model_name_or_path": "https://elsewhere.example/a/b"}, "which cannot be used: .* is neither"),
        ({"base_model_name_or_path": "\0"}, "which cannot be used"),
        ({"base_model_name_or_path": "/dev/zero"}, "which cannot be used: '/dev/zero' is neither a file nor a folder"),
        ({"revision": 3}, "must give the base's revision as text or null, it gives 3"),
        ({"r": None}, "must state the numbers r and lora_alpha, it states None and 5"),
        ({"r": "3"}, "must state the numbers r and lora_alpha"),
        ({"r": True}, "must state the numbers r and lora_alpha"),
        ({"r": 3.0}, "must state the numbers r and lora_alpha"),
        ({"r": -3}, "the rank must be a whole number from 1 to 8192, got -3"),
        ({"r": HUGE}, "the rank must be a whole number from 1 to 8192, got 1000"),
        ({"r": 4}, "must be 4 x in and out x 4"),
        ({"lora_alpha": None}, "must state the numbers r and lora_alpha, it states 3 and None"),
        ({"lora_alpha": [5]}, "must state the numbers r and lora_alpha, it states 3 and a list"),
        ({"lora_alpha": 0}, "alpha must lie above 0"),
        ({"lora_alpha": float("nan")}, "alpha must lie above 0"),
        ({"lora_alpha": 1e300}, "alpha must lie above 0, up to 1000000"),
        ({"lora_alpha": HUGE}, "cannot be used"),
        ({"use_dora": True}, "uses use_dora, expected plain LoRA"),
        ({"use_rslora": True}, "uses use_rslora"),
        ({"rank_pattern": {"conv0": 8}}, "uses rank_pattern"),
        ({"alpha_pattern": {"conv0": 8}}, "uses alpha_pattern"),
        ({"modules_to_save": ["mapping"]}, "uses modules_to_save"),
        ({"of_the_future": "x" * 10_000}, "uses of_the_future"),
        ({"bias": "all"}, "uses bias"),
        ({"init_lora_weights": "pissa"}, "uses init_lora_weights"),
        ({"init_lora_weights": [[]]}, "uses init_lora_weights"),
    ],
)
def test_a_config_that_states_something_else_is_refused_in_one_sentence(model, changes, words):
    configure(model, **changes)
    with pytest.raises(CheckpointError, match=words) as refused:
        load_generator(model)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 10_000


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"r": 1e999}', "\xff"])
def test_a_config_that_is_damaged_is_refused(model, text):
    (model / adapters.CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match="cannot read"):
        load_generator(model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.clear(), "must change at least one layer"),
        (lambda s: s.pop(KEY), "'synthesis.b8.conv0.affine' has only one of A and B"),
        (lambda s: s.update({"surprise": torch.ones(1)}), "its tensor 'surprise' is not plain LoRA's"),
        (lambda s: s.update({KEY.replace("lora_A", "lora_magnitude_vector"): torch.ones(1)}), "is not plain LoRA's"),
        (lambda s: s.update({KEY.replace("lora_A", "lora_A" * 100_000): torch.ones(1)}), "is not plain LoRA's"),
        (lambda s: s.update({KEY: torch.ones(3)}), "must be 3 x in and out x 3"),
        (lambda s: s.update({KEY: torch.ones(3, 8, 1)}), "must be 3 x in and out x 3"),
        (lambda s: s.update({KEY: torch.ones(0, 8)}), "must be 3 x in and out x 3"),
        (lambda s: s.update({KEY: torch.ones(3, 0)}), "by 8 x 0 values, its weight has 8 x 8"),
        (lambda s: s.update({KEY: torch.ones(3, 8).int()}), "must hold floating-point values"),
        (lambda s: s.update({KEY: torch.ones(3, 8, dtype=torch.complex64)}), "must hold floating-point values"),
        (lambda s: s.update({KEY: torch.full((3, 8), torch.nan)}), "holds values that are NaN or infinite"),
        (lambda s: s.update({KEY: torch.full((3, 8), torch.inf)}), "holds values that are NaN or infinite"),
        (lambda s: s.update({KEY: torch.full((3, 8), 3e38)}), "its weight is NaN or infinite"),
        (
            lambda s: s.update(
                {name.replace("synthesis.b8.conv0.affine", "mapping.fc0"): s.pop(name) for name in [*s] if ".b8.conv0." in name}
            ),
            "changes 'mapping.fc0': what is added after its leaky ReLU",
        ),
        (
            lambda s: s.update(
                {name.replace("b8.conv0.affine", "b8.conv0"): s.pop(name) for name in [*s] if ".b8.conv0." in name}
            ),
            "changes 'synthesis.b8.conv0', which is not a linear layer of this StyleGAN2",
        ),
    ],
)
def test_tensors_that_are_something_else_are_refused_in_one_sentence(model, change, words):
    state = load_file(model / adapters.WEIGHTS)
    change(state)
    save_file(state, model / adapters.WEIGHTS)
    with pytest.raises(CheckpointError, match=words) as refused:
        load_generator(model)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 1000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_factors_of_another_precision_are_read(model, dtype):
    state = load_file(model / adapters.WEIGHTS)
    save_file({name: value.to(dtype) for name, value in state.items()}, model / adapters.WEIGHTS)
    torch.testing.assert_close(images(load_generator(model)), images(folded()), atol=0.2, rtol=0.1)


def test_a_file_that_is_cut_short_is_refused(model):
    (model / adapters.WEIGHTS).write_bytes((model / adapters.WEIGHTS).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        load_generator(model)


def test_an_adapter_without_a_base_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="has no base to name"):
        adapters.write(tiny_adapter(tiny_stylegan2()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_reading_needs_no_peft(model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    assert open_source(model).checkpoint.adapter is not None
    assert same(load_generator(model), folded())


def test_an_earlier_download_is_used_without_the_hub(on_hub, monkeypatch, caplog):
    _, adapted, _ = on_hub
    load_generator(adapted)

    def unplugged(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(HfApi, "model_info", unplugged)
    with caplog.at_level(logging.WARNING):
        assert same(load_generator(adapted), folded())
    assert caplog.text.count("from the local cache") == 1  # the base is named by its commit, which is listed already
