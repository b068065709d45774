"""One source, one commit: weights and directions belong together, and each file is read once."""

import dataclasses

import pytest
import torch
from huggingface_hub import HfApi

from foreign_files import persistent, save_pickle
from orojar_adapters import CheckpointError
from orojar_adapters.readers import detect
from orojar_adapters.writers import nvlabs, rosinality
from orojar_finetune import Directions, open_source
from tiny import tiny_discriminator, tiny_stylegan2


def a_set(seed: int = 0, fingerprint: str | None = None) -> Directions:
    basis = torch.linalg.qr(torch.randn(8, 3, generator=torch.Generator().manual_seed(seed)))[0].T.contiguous()
    names = ("a", "b", "c")
    return Directions(
        basis, torch.ones(3), "w", "random", names, (None,) * 3, activity=(0.3, 0.2, 0.1), fingerprint=fingerprint
    )


def repository(name: str, folder, seed: int) -> str:
    """A commit with a generator, its discriminator and its directions, all of one seed."""
    generator = tiny_stylegan2(seed=seed)
    generator.save_pretrained(folder)
    tiny_discriminator(seed=seed).save_pretrained(folder / "discriminator")
    a_set(seed, generator.fingerprint()).save(folder)
    HfApi().create_repo(f"tester/{name}", exist_ok=True)
    HfApi().upload_folder(folder_path=folder, repo_id=f"tester/{name}")
    return f"tester/{name}"


def test_a_push_meanwhile_does_not_mix_weights_of_one_commit_with_directions_of_another(hub, tmp_path):
    opened = open_source(repository("meanwhile", tmp_path, 0))
    generator = opened.generator()
    repository("meanwhile", tmp_path, 1)
    assert generator.fingerprint() == tiny_stylegan2(seed=0).fingerprint()
    assert torch.equal(opened.directions().basis, a_set(0).basis)
    discriminator = opened.discriminator()
    assert torch.equal(discriminator.state_dict()["b4.out.weight"], tiny_discriminator(seed=0).state_dict()["b4.out.weight"])
    assert torch.equal(open_source("tester/meanwhile").directions().basis, a_set(1).basis)


def test_a_whole_model_takes_one_question_and_each_file_once(hub, tmp_path):
    repo = repository("counted", tmp_path, 0)
    hub.requests.clear()
    opened = open_source(repo)
    opened.generator(), opened.discriminator(), opened.directions(), opened.direction_sets, opened.facts
    asked = [path for _, path, _ in hub.requests if path.startswith("/api/")]
    files = [path.rpartition("/")[2] for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path]
    assert len(asked) == 1
    wanted = ["config.json", "diffusion_pytorch_model.safetensors"] * 2 + ["directions.json", "directions.safetensors"]
    assert sorted(files) == sorted(wanted)


def test_what_nobody_asks_for_is_not_fetched(hub, tmp_path):
    repo = repository("lazy", tmp_path, 0)
    hub.requests.clear()
    generator = open_source(repo).generator()
    assert not any("discriminator" in path or "directions" in path for _, path, _ in hub.requests)
    assert generator.source_facts.has_discriminator


def test_a_file_is_parsed_once(tmp_path, monkeypatch):
    path = save_pickle({"G_ema": persistent(tiny_stylegan2()), "D": persistent(tiny_discriminator())}, tmp_path / "net.pkl")
    parsed, read = [], detect.read
    monkeypatch.setattr(detect, "read", lambda *args: parsed.append(args) or read(*args))
    opened = open_source(path)
    assert opened.has_discriminator()
    opened.generator(), opened.discriminator(), opened.facts
    assert len(parsed) == 1


def test_every_format_of_one_generator_has_the_same_fingerprint(tmp_path):
    generator = tiny_stylegan2()
    generator.save_pretrained(tmp_path / "folder")
    torch.save(nvlabs.generator_state(generator), tmp_path / "nvlabs.pt")
    torch.save(rosinality.export(generator, None).files[""], tmp_path / "rosinality.pt")
    save_pickle({"G_ema": persistent(generator)}, tmp_path / "network.pkl")
    found = {name: open_source(tmp_path / name).fingerprint for name in ("folder", "nvlabs.pt", "rosinality.pt", "network.pkl")}
    assert set(found.values()) == {generator.fingerprint()}, found
    assert tiny_stylegan2(seed=1).fingerprint() != generator.fingerprint()


def test_directions_of_other_weights_are_refused_until_forced(tmp_path):
    tiny_stylegan2(seed=1).save_pretrained(tmp_path)
    a_set(0, tiny_stylegan2(seed=0).fingerprint()).save(tmp_path)
    with pytest.raises(CheckpointError, match=r"other weights.*--force"):
        open_source(tmp_path).directions()
    assert torch.equal(open_source(tmp_path).directions(force=True).basis, a_set(0).basis)
    a_set(0).save(tmp_path, "unknown")
    assert open_source(tmp_path).directions("unknown").fingerprint is None
    assert dataclasses.replace(a_set(0), fingerprint="x").digest == a_set(0).digest


def test_a_file_that_is_named_has_no_directions(tmp_path):
    save_pickle({"G_ema": persistent(tiny_stylegan2())}, tmp_path / "net.pkl")
    a_set(0, tiny_stylegan2().fingerprint()).save(tmp_path)
    assert open_source(tmp_path / "net.pkl").direction_sets == []
    assert open_source(tmp_path).direction_sets == ["random"]
