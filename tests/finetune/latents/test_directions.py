import dataclasses
import json

import pytest
import torch

from linear import direction_set
from orojar_finetune import CheckpointError, Directions
from orojar_finetune.latents.directions_file import JSON, TENSORS


def make(method: str = "orojar-jd", space: str = "w", seed: int = 0, layers=None) -> Directions:
    rng = torch.Generator().manual_seed(seed)
    return Directions(
        basis=torch.linalg.qr(torch.randn(5, 3, generator=rng))[0].T.contiguous(),
        sigmas=torch.tensor([2.0, 1.0, 0.5]),
        space=space,
        method=method,
        names=("hue", "size", "x"),
        layers=(None, layers, (2, 3)) if space == "w" else (None,) * 3,
        activity=(0.5, 0.2, 0.1),
        scores={"off_diagonal_cos2": 0.1, "activity": 0.3},
        provenance={"base": "user/repo", "seed": 0},
    )


def test_strengths_are_sigmas_along_the_direction():
    directions, ws = make(), torch.zeros(2, 4, 5)
    moved = directions.apply(ws, {"hue": 2.0})
    torch.testing.assert_close(moved, (4.0 * directions.basis[0]).expand(2, 4, 5))
    assert torch.equal(ws, torch.zeros(2, 4, 5))


def test_edits_add_up_by_number_and_name_on_their_own_layers():
    directions = make(layers=(0, 2))
    moved = directions.apply(torch.zeros(1, 4, 5), {1: 1.0, "x": -2.0})
    torch.testing.assert_close(moved[0, :2], directions.basis[1].expand(2, 5))
    torch.testing.assert_close(moved[0, 2], -directions.basis[2])
    assert not moved[0, 3].any()


def test_directions_in_z_move_z():
    directions = make(space="z")
    torch.testing.assert_close(directions.apply(torch.ones(2, 5), {2: 2.0}), 1 + directions.basis[2].expand(2, 5))


@pytest.mark.parametrize(
    ("latents", "strengths", "words"),
    [
        (torch.zeros(2, 5), {0: 1.0}, "move latents of 3 dimensions"),
        (torch.zeros(2, 4, 6), {0: 1.0}, "width 5"),
        (torch.zeros(2, 4, 5), {3: 1.0}, "direction must be 0..2, got 3"),
        (torch.zeros(2, 4, 5), {"age": 1.0}, "no direction is called 'age'; there are hue, size, x"),
    ],
)
def test_edits_that_do_not_fit_are_refused(latents, strengths, words):
    with pytest.raises(ValueError, match=words):
        make().apply(latents, strengths)


def same(a: Directions, b: Directions) -> bool:
    tensors = torch.equal(a.basis, b.basis) and torch.equal(a.sigmas, b.sigmas)
    return tensors and all(getattr(a, f) == getattr(b, f) for f in ("space", "method", "names", "layers", "activity", "scores"))


def test_saved_sets_come_back_bit_for_bit_beside_each_other(tmp_path):
    first, second = make(layers=(0, 1)), make("sefa", seed=1)
    first.save(tmp_path)
    second.save(tmp_path, "other")
    assert Directions.list(tmp_path) == ["other", "orojar-jd"]  # what was written last is the default
    assert same(Directions.load(tmp_path), second)
    assert same(Directions.load(tmp_path, "orojar-jd"), first)
    assert Directions.load(tmp_path).provenance == second.provenance
    first.save(tmp_path)
    assert same(Directions.load(tmp_path), first)


def test_a_set_of_the_same_name_is_replaced_and_its_tensors_dropped(tmp_path):
    for seed in range(3):
        make(seed=seed).save(tmp_path)
    assert same(Directions.load(tmp_path), make(seed=2))
    make("x").save(tmp_path)  # the next save drops what no set uses any more
    from safetensors.torch import load_file

    assert len(load_file(tmp_path / TENSORS)) == 4


def test_a_run_killed_between_the_two_files_leaves_the_old_set(tmp_path):
    make(seed=0).save(tmp_path)
    old = (tmp_path / JSON).read_bytes()
    make(seed=1).save(tmp_path)
    (tmp_path / JSON).write_bytes(old)
    assert same(Directions.load(tmp_path), make(seed=0))


def test_a_digest_tells_what_a_set_does_to_a_latent():
    one = make()
    assert one.digest == make(method="sefa").digest == one.rename({0: "hue"}).digest
    others = [make(seed=1), make(layers=(0, 2)), make(layers=(1, 3)), make(space="z")]
    assert len({one.digest, *(other.digest for other in others)}) == 5


def test_missing_and_damaged_files_get_one_clear_error(tmp_path):
    with pytest.raises(CheckpointError, match="orojar discover"):
        Directions.load(tmp_path)
    assert Directions.list(tmp_path) == []
    make().save(tmp_path)
    with pytest.raises(CheckpointError, match="no direction set 'sefa'; it has orojar-jd"):
        Directions.load(tmp_path, "sefa")
    good = (tmp_path / TENSORS).read_bytes()
    (tmp_path / TENSORS).write_bytes(good[:-8])
    with pytest.raises(CheckpointError, match="damaged"):
        Directions.load(tmp_path)
    (tmp_path / TENSORS).write_bytes(good)
    described = json.loads((tmp_path / JSON).read_text())
    for broken in ("{", "[]", '{"format": 2, "sets": {}}', '{"format": 1, "sets": {}}', '{"format": 1, "sets": {"a": 1}}'):
        (tmp_path / JSON).write_text(broken)
        with pytest.raises(CheckpointError):
            Directions.load(tmp_path)
    for field, value in [("names", ["a"]), ("activity", [1, 2]), ("layers", [1, 2, 3]), ("names", ["a", "a", "a"])]:
        changed = json.loads(json.dumps(described))
        changed["sets"]["orojar-jd"][field] = value
        (tmp_path / JSON).write_text(json.dumps(changed))
        with pytest.raises(CheckpointError, match="damaged"):
            Directions.load(tmp_path)


def test_directions_can_be_renamed_and_picked():
    directions = make().rename({0: "background"})
    assert directions.names == ("background", "size", "x")
    picked = directions.take(["x", 0])
    assert picked.names == ("x", "background")
    torch.testing.assert_close(picked.basis, directions.basis[[2, 0]])
    with pytest.raises(ValueError, match="must differ"):
        directions.rename({0: "x"})


def test_the_active_ones_are_found_by_their_part_of_the_most_active_ones_activity():
    directions = dataclasses.replace(direction_set(torch.eye(4)), activity=(0.02, 1.0, 0.009, 0.01))
    assert directions.active(0.01).names == ("direction 0", "direction 1", "direction 3")
    assert directions.active(0.0).names == directions.names
    assert directions.active(0.5).names == ("direction 0", "direction 1")


def test_all_are_kept_where_activity_is_not_known_or_nothing():
    for activity in (float("nan"), 0.0):
        directions = dataclasses.replace(direction_set(torch.eye(3)), activity=(activity,) * 3)
        assert directions.active(0.5).names == directions.names


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"space": "style"}, "space must be one of z, w, w\\+, got 'style'"),
        ({"sigmas": torch.tensor([1.0, torch.nan, 1.0])}, "must be finite"),
        ({"layers": (None, (3, 1), None)}, r"as in \(0, 4\), got \(3, 1\)"),
        ({"layers": (None, (-3, 14), None)}, r"got \(-3, 14\)"),
        ({"names": ("hue", "hue", "x")}, "names must differ"),
    ],
)
def test_parts_that_move_nothing_anywhere_are_refused(changed, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(make(), **changed)


def test_layers_that_a_generator_does_not_have_are_not_moved_in_silence():
    with pytest.raises(ValueError, match=r"layers 6 to 7 .* there are 4"):
        make(layers=(6, 8)).apply(torch.zeros(1, 4, 5), {"size": 1.0})


def test_scores_of_the_whole_set_are_not_those_of_a_part():
    assert make().scores and not make().take([1]).scores
    assert make().active(0.9).scores == {}


def test_what_was_not_measured_is_null_in_the_file(tmp_path):
    make().unmeasured().save(tmp_path)
    described = json.loads((tmp_path / JSON).read_text(), parse_constant=pytest.fail)
    assert described["sets"]["orojar-jd"]["activity"] == [None] * 3
    loaded = Directions.load(tmp_path)
    assert all(activity != activity for activity in loaded.activity) and not loaded.scores


def test_sets_compare_as_what_they_are_and_can_be_keys():
    one = make()
    assert one != make() and one in {one: 1}


def test_damaged_tensors_are_named_before_anything_is_written(tmp_path):
    make().save(tmp_path)
    (tmp_path / TENSORS).write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    before = (tmp_path / JSON).read_bytes()
    with pytest.raises(CheckpointError, match=r"directions\.safetensors is damaged"):
        make("sefa").save(tmp_path)
    assert (tmp_path / JSON).read_bytes() == before
    (tmp_path / TENSORS).unlink()
    with pytest.raises(CheckpointError, match=r"directions\.safetensors is damaged"):
        make("sefa").save(tmp_path)


def test_a_home_folder_is_one_for_saving_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make().save("~/m")
    assert Directions.list("~/m") == Directions.list(tmp_path / "m") == ["orojar-jd"]


def test_moves_are_sigmas_on_the_directions_layers():
    directions = dataclasses.replace(make(layers=(0, 2)), sigmas=torch.full((3,), 2.0))
    norms = directions.moves(4).norm(dim=2)
    torch.testing.assert_close(norms, 2.0 * torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 0]]).float())
    torch.testing.assert_close(directions.apply(torch.zeros(1, 4, 5), {1: 1.5})[0], 1.5 * directions.moves(4)[1])
