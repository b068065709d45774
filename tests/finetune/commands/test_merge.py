"""Adapters from the tuning that makes them to the whole generator they end as."""

import dataclasses
import json
import logging
import shutil
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file

from linear import direction_set
from orojar_adapters.readers import adapter as adapters
from orojar_adapters.readers import folder as whole
from orojar_finetune import Directions, discover, load_discriminator, load_generator, push, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.config import FidelityConfig, FinetuneConfig, GanConfig, PenaltyConfig, RunConfig, SearchConfig
from orojar_finetune.training.finetuning import finetune
from orojar_finetune.training.trainable import choose
from tiny import tiny_adapter, tiny_discriminator, tiny_stylegan2

QUICK = FinetuneConfig(
    trainable="lora",
    rank=2,
    discover=SearchConfig(count=3),
    penalty=PenaltyConfig(every=1, batch_size=4, warmup_steps=0),
    fidelity=FidelityConfig(features="random", images=64, latents=4, max_drift=10.0),
    gan=GanConfig(learning_rate=0.01, ema_images=4),
    run=RunConfig(max_train_steps=4, train_batch_size=4, validation_steps=2, checkpointing_steps=4, logging_steps=1),
)


def run(*words: object) -> None:
    main([str(word) for word in words])


def images(generator, truncation=1.0):
    with torch.no_grad():
        return generator(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), truncation=truncation)


def same(a, b) -> bool:
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model folder."""
    folder = tmp_path_factory.mktemp("whole") / "base"
    write_model_folder(folder, tiny_stylegan2(), previews="none")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """An adapter of it, with everything that a run leaves."""
    folder, generator = tmp_path_factory.mktemp("adapter") / "model", load_generator(base)
    adapter = tiny_adapter(generator, str(base))
    adapter.fold_into(generator)
    sets = {name: direction_set(torch.eye(8)[first : first + 3], space="w") for name, first in (("random", 0), ("sefa", 3))}
    config, metrics = {"finetune": {"rank": 3}, "data": "none"}, {"finetune": {"steps": 4}}
    write_model_folder(folder, generator, sets, config, tiny_discriminator(), metrics, adapter)
    return folder


@pytest.fixture
def changing(tmp_path: Path, model: Path) -> Path:
    """A copy of the adapter for a test that writes into it."""
    return shutil.copytree(model, tmp_path / "model")


def test_a_folder_of_an_adapter_is_small_and_holds_everything_else(model):
    found = {path.name for path in model.iterdir()}
    assert found == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "directions.json", "directions.safetensors",
        "discriminator", "metrics.json", "previews", "training_config.json",
    }  # fmt: skip
    stored = load_file(model / adapters.WEIGHTS)
    assert sum(tensor.numel() for tensor in stored.values()) < 0.5 * sum(p.numel() for p in tiny_stylegan2().parameters())
    assert Directions.list(model) == ["random", "sefa"]


def test_merging_writes_the_whole_folder_and_carries_the_rest_over(model, tmp_path, capsys):
    run("merge", model, tmp_path / "out")
    out = tmp_path / "out"
    assert "merged" in capsys.readouterr().out
    assert not {path.name for path in out.iterdir()} & adapters.FILES
    assert same(load_generator(out), load_generator(model))
    assert load_generator(out).source_facts.adapter is None
    assert load_generator(out).source_facts.base == load_generator(model).source_facts.base
    assert same(load_discriminator(out), tiny_discriminator())
    assert Directions.list(out) == ["random", "sefa"]
    for name in ("random", "sefa"):
        assert torch.equal(Directions.load(out, name).basis, Directions.load(model, name).basis)
    assert (out / whole.METRICS).read_text() == (model / whole.METRICS).read_text()
    before, after = (json.loads((path / whole.PROVENANCE).read_text()) for path in (model, out))
    merged = after["config"].pop("merged")
    assert after == before
    assert (merged["rank"], merged["alpha"]) == (3, 5.0)
    assert (out / "previews" / "samples.png").read_bytes() == (model / "previews" / "samples.png").read_bytes()
    assert "low-rank adapter" not in (out / "README.md").read_text()


def test_merging_in_place_leaves_a_whole_folder(changing):
    wanted = load_generator(changing)
    (changing / "notes.txt").write_text("mine")
    run("merge", changing, changing, "--previews", "none")
    assert same(load_generator(changing), wanted)
    assert not {path.name for path in changing.iterdir()} & adapters.FILES
    assert (changing / "notes.txt").read_text() == "mine"
    assert load_discriminator(changing) is not None


def test_merging_what_is_whole_already_says_so(base, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        run("merge", base, tmp_path / "out")
    assert stopped.value.code == 2
    assert "adapter" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_discriminator_that_cannot_be_read_is_left_out_and_said(changing, tmp_path, capsys):
    (changing / whole.DISCRIMINATOR / whole.WEIGHTS).write_bytes(b"damaged")
    run("merge", changing, tmp_path / "out", "--previews", "none")
    assert "Left out the discriminator" in capsys.readouterr().out
    assert not (tmp_path / "out" / whole.DISCRIMINATOR).exists()


def test_its_help_says_what_it_does(capsys):
    with pytest.raises(SystemExit) as stopped:
        run("merge", "--help")
    assert stopped.value.code == 0
    assert "Merges" in capsys.readouterr().out


def test_inspect_tells_which_adapter_of_what_it_is(model, base, capsys):
    run("inspect", model, "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["adapter_base"], found["adapter_revision"], found["adapter_rank"]) == (str(base), None, 3)
    assert (found["family"], found["holds"]) == ("stylegan2", ["adapter", "discriminator"])
    assert found["direction_sets"] == ["random", "sefa"]
    run("inspect", model)
    shown = capsys.readouterr().out
    assert f"adapter base            {base}" in shown
    assert "adapter rank            3" in shown
    run("inspect", base, "--json")
    assert json.loads(capsys.readouterr().out)["adapter_rank"] is None


def test_directions_found_later_join_the_adapter(changing):
    before = load_generator(changing)
    run("discover", changing, "--method-options", "latents=4", "--count", 3, "--previews", "none")
    assert Directions.list(changing) == ["orojar-jd", "random", "sefa"]
    assert not (changing / whole.WEIGHTS).exists()
    assert same(load_generator(changing), before)


def test_a_folder_becomes_an_adapter_or_whole_and_is_never_both(base, tmp_path):
    generator, target = load_generator(base), tmp_path / "target"
    write_model_folder(target, generator, previews="none")
    adapter = tiny_adapter(generator, str(base))
    write_model_folder(target, generator, adapter=adapter, previews="none")
    assert not any((target / name).exists() for name in whole.FILES)
    assert load_generator(target).source_facts.adapter is not None
    write_model_folder(target, generator, previews="none")
    assert not any((target / name).exists() for name in adapters.FILES)


def test_a_base_on_this_machine_is_written_with_a_warning_and_the_card_names_the_file(base, tmp_path, caplog):
    generator = load_generator(base)
    with caplog.at_level(logging.WARNING, "orojar"):
        write_model_folder(tmp_path / "m", generator, adapter=tiny_adapter(generator, str(base)), previews="none")
    assert f"{base}, a path on this machine" in caplog.text
    card = (tmp_path / "m" / "README.md").read_text()
    assert "file `base`, which is not on the Hub" in card
    assert "base_model:" not in card
    caplog.clear()
    with caplog.at_level(logging.WARNING, "orojar"):
        push(tmp_path / "m", "tester/local-base")
    assert "local file" in caplog.text


def test_an_adapter_without_a_base_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="has no base to name"):
        write_model_folder(tmp_path / "m", tiny_stylegan2(), adapter=tiny_adapter(tiny_stylegan2()))
    assert not list(tmp_path.iterdir())


def test_adapters_need_peft_and_say_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ValueError, match=r"trainable lora needs peft: pip install 'orojar-finetune\[lora\]'"):
        finetune(tiny_stylegan2(), tmp_path, QUICK, discriminator=tiny_discriminator(), progress=False)


def test_an_adapter_is_not_put_on_an_adapter(model, tmp_path):
    with pytest.raises(ValueError, match=r"already an adapter: .*`orojar merge`"):
        finetune(load_generator(model), tmp_path / "run", QUICK, discriminator=tiny_discriminator(), progress=False)


def test_the_first_factors_depend_on_the_seed_alone():
    def factors(seed):
        generator = tiny_stylegan2()
        state = torch.get_rng_state()
        choose(generator, "lora", 2, seed)
        assert torch.equal(torch.get_rng_state(), state)
        return torch.cat([p.flatten() for name, p in generator.named_parameters() if "lora_A" in name])

    assert torch.equal(factors(0), factors(0))
    assert not torch.equal(factors(0), factors(1))


def test_only_adapters_learn_and_the_result_is_an_ordinary_generator(tmp_path):
    start = tiny_stylegan2()
    done = finetune(start, tmp_path / "run", QUICK, discriminator=tiny_discriminator(), progress=False)
    original, learned = start.state_dict(), load_file(tmp_path / "run" / "checkpoint-4" / "generator.safetensors")
    kept = {name.replace(".base_layer.", "."): value for name, value in learned.items() if ".lora_" not in name}
    assert kept.keys() == original.keys()
    assert all(torch.equal(kept[name], original[name]) for name in kept)
    assert all(bool(value.any()) for name, value in learned.items() if ".lora_B." in name)

    moved = {name for name, value in done.generator.state_dict().items() if not torch.equal(value, original[name])}
    assert moved == {f"{name}.weight" for name in start.tunable["affine"]} == {f"{n}.weight" for n in done.adapter.factors}
    assert [type(module) for module in done.generator.modules()] == [type(module) for module in start.modules()]
    assert (done.adapter.base, done.adapter.rank, done.adapter.alpha) == (None, 2, 2.0)
    discover(done.generator, QUICK.search, method="sefa", progress=False)
    done.generator.save_pretrained(tmp_path / "saved")


def test_what_is_shipped_is_what_was_trained(tmp_path):
    config = dataclasses.replace(QUICK, fidelity=dataclasses.replace(QUICK.fidelity, keep="last"))
    done = finetune(tiny_stylegan2(), tmp_path / "run", config, discriminator=tiny_discriminator(), progress=False)
    beside = tiny_stylegan2()
    choose(beside, "lora", 2)
    beside.load_state_dict(load_file(tmp_path / "run" / "checkpoint-4" / "average.safetensors"))
    torch.testing.assert_close(images(done.generator), images(beside), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(images(done.generator, 0.5), images(beside, 0.5), atol=1e-4, rtol=1e-4)


def test_other_weights_make_no_adapter(tmp_path):
    config = dataclasses.replace(QUICK, trainable="affine", run=dataclasses.replace(QUICK.run, max_train_steps=1))
    assert finetune(tiny_stylegan2(), tmp_path, config, discriminator=tiny_discriminator(), progress=False).adapter is None


def test_directions_found_anew_are_those_of_the_adapted_generator(tmp_path):
    config = dataclasses.replace(
        QUICK,
        discover=SearchConfig(method="sefa", count=3),
        penalty=dataclasses.replace(QUICK.penalty, reestimate_every=1),
    )
    done = finetune(tiny_stylegan2(), tmp_path, config, discriminator=tiny_discriminator(), progress=False)
    assert not torch.equal(done.directions.basis, discover(tiny_stylegan2(), config.search, progress=False).basis)


def test_from_the_hub_through_a_tuning_to_the_hub_and_merged(hub, tmp_path):
    write_model_folder(tmp_path / "base", tiny_stylegan2(), discriminator=tiny_discriminator(), previews="none")
    push(tmp_path / "base", "tester/lora-base")
    words = ["--trainable", "lora", "--rank", 2, "--max-train-steps", 2, "--train-batch-size", 4]
    words += ["--discover.count", 3, "--previews", "none"]
    run("finetune", "tester/lora-base", "--output-dir", tmp_path / "run", *words)
    tuned = tmp_path / "run" / "model"
    config = json.loads((tuned / adapters.CONFIG).read_text())
    revision = load_generator("tester/lora-base").source_facts.revision
    assert (config["base_model_name_or_path"], config["revision"]) == ("tester/lora-base", revision)
    assert (config["r"], config["lora_alpha"]) == (2, 2)
    card = (tuned / "README.md").read_text()
    assert "base_model: tester/lora-base\n" in card
    assert "base_model_relation: adapter\n" in card
    assert f"`tester/lora-base` at revision `{revision}`" in card
    assert "- lora\n" in card

    push(tuned, "tester/lora-tuned")
    fetched = load_generator("tester/lora-tuned")
    assert same(fetched, load_generator(tuned))
    assert not torch.equal(images(fetched), images(tiny_stylegan2()))
    run("merge", "tester/lora-tuned", tmp_path / "merged", "--previews", "none")
    assert same(load_generator(tmp_path / "merged"), fetched)
    assert same(load_discriminator(tmp_path / "merged"), load_discriminator("tester/lora-tuned"))
    assert json.loads((tmp_path / "merged" / whole.METRICS).read_text())["finetune"]["steps"] == 2


def test_an_adapter_is_not_hidden_behind_a_whole_generator_nor_left_beside_one(hub, base, model, tmp_path):
    push(base, "tester/whole-first")
    with pytest.raises(ValueError, match="adapter"):
        push(model, "tester/whole-first")
    push(model, "tester/adapter-first")
    run("merge", model, tmp_path / "merged", "--previews", "none")
    push(tmp_path / "merged", "tester/adapter-first")
    names = set(HfApi().list_repo_files("tester/adapter-first"))
    assert names >= whole.FILES
    assert not adapters.FILES & names
