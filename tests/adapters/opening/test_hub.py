"""A Hub that fails: one listing decides which file is meant, refusals are never papered over, wrong bytes never kept."""

import errno
import hashlib

import pytest
from huggingface_hub import HfApi, constants, hf_hub_download

from fault_hub import Fault
from foreign_files import persistent, pickled
from orojar_adapters import CheckpointError, load_generator, open_source
from orojar_adapters.opening import asking, hub
from tiny import tiny_stylegan2

INFO = "GET /api/models/"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nothing is asked again for longer than this."""
    monkeypatch.setattr(asking, "PATIENCE", 1.5)


def network(seed: int = 0) -> bytes:
    return pickled({"G_ema": persistent(tiny_stylegan2(seed=seed))})


def repository(name: str, **files: bytes) -> str:
    api, repo = HfApi(), f"tester/{name}"
    api.create_repo(repo)
    for path, data in files.items():
        api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo)
    return repo


def snapshots(name: str) -> str:
    """Two snapshots, the earlier of which was looked at before."""
    files = {"network-snapshot-001000.pkl": network(1), "network-snapshot-025000.pkl": network(2)}
    repo = repository(name, **files)
    load_generator(f"{repo}/network-snapshot-001000.pkl")
    return repo


def file_of(source: str) -> str:
    return open_source(source).facts.file


def test_a_moment_of_trouble_changes_nothing(faults):
    repo = snapshots("one-503")
    faults.append(Fault(INFO, "status", status=503, times=1))
    assert file_of(repo) == "network-snapshot-025000.pkl"


def test_without_the_hub_the_listing_says_which_file_is_meant_not_the_cache(faults, caplog, monkeypatch):
    monkeypatch.setattr(asking.time, "sleep", lambda _: None)  # the library asks five times for itself
    repo = snapshots("gone")
    load_generator(f"{repo}/network-snapshot-001000.pkl")
    faults += [Fault(INFO, "status", status=503), Fault("resolve", "status", status=503)]
    monkeypatch.setattr(asking, "PATIENCE", 0)
    with pytest.raises(CheckpointError, match=r"025000\.pkl of commit .* is not in the local cache"):
        file_of(repo)
    faults.clear()
    assert file_of(repo) == "network-snapshot-025000.pkl"
    faults.append(Fault("", "drop"))
    assert file_of(repo) == "network-snapshot-025000.pkl"
    assert "from the local cache" in caplog.text


def test_many_files_are_refused_offline_as_they_are_online(monkeypatch):
    repo = repository("ten", **{f"model{i}.pkl": network(i) for i in range(3)})
    load_generator(f"{repo}/model1.pkl")
    with pytest.raises(CheckpointError, match="several checkpoints"):
        load_generator(repo)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="several checkpoints"):
        load_generator(repo)
    assert file_of(f"{repo}/model1.pkl") == "model1.pkl"
    with pytest.raises(CheckpointError, match=r"HF_HUB_OFFLINE.*model2"):
        load_generator(f"{repo}/model2.pkl")
    with pytest.raises(CheckpointError, match=r"HF_HUB_OFFLINE.*cache"):
        load_generator("tester/unknown")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "token"), (403, "denied"), (404, "refused|neither"), (410, "refused"), (429, "later")]
)
def test_a_refusal_is_never_covered_by_the_cache(faults, status, words):
    repo = repository(f"refused-{status}", **{"network.pkl": network()})
    load_generator(repo)
    message = {"X-Error-Message": "Invalid credentials in Authorization header"} if status == 401 else {}
    faults.append(Fault(INFO, "status", status=status, headers=message))
    with pytest.raises(CheckpointError, match=words):
        load_generator(repo)


def test_a_pause_that_the_hub_asks_for_is_made(faults, monkeypatch):
    repo, slept = repository("paused", **{"network.pkl": network()}), []
    monkeypatch.setattr(asking.time, "sleep", slept.append)
    faults.append(Fault(INFO, "status", status=429, headers={"Retry-After": "1"}, times=1))
    load_generator(repo)
    assert [seconds for seconds in slept if seconds] == [1.0]  # the others are the libraries' own


def test_a_gated_repository_says_where_to_ask(hub, faults):
    repo = repository("gated", **{"network.pkl": network()})
    hub.gated.add(repo)
    with pytest.raises(CheckpointError, match=f"{hub.url}/{repo}"):
        open_source(repo, token="hf_other").generator()


def test_a_hub_that_never_answers_is_left(faults, monkeypatch):
    monkeypatch.setattr(hub, "TIMEOUT", 0.2)
    repo = repository("silent", **{"network.pkl": network()})
    faults.append(Fault(INFO, "hang", seconds=1.0))
    with pytest.raises(CheckpointError, match="did not answer in time"):
        load_generator(repo)


def test_a_login_page_of_the_network_is_told_from_the_hub(faults):
    repo = repository("hotel", **{"network.pkl": network()})
    faults.append(Fault(INFO, "status", status=200, body="<html>Welcome</html>"))
    with pytest.raises(CheckpointError, match="web page"):
        load_generator(repo)


def test_a_full_disk_is_told_from_the_hub(monkeypatch):
    repo = repository("full", **{"network.pkl": network()})

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(hub, "hf_hub_download", full)
    with pytest.raises(CheckpointError, match="disk is full"):
        load_generator(repo)


def test_wrong_bytes_are_fetched_once_again(faults):
    repo = repository("flipped", **{"network.pkl": network()})
    faults.append(Fault(r"GET /tester/flipped/resolve", "corrupt", times=1))
    assert load_generator(repo).fingerprint() == tiny_stylegan2().fingerprint()


def test_bytes_that_stay_wrong_are_refused_and_not_kept(faults):
    repo = repository("broken", **{"network.pkl": network()})
    faults.append(Fault(r"GET /tester/broken/resolve", "corrupt"))
    with pytest.raises(CheckpointError, match="checksum"):
        load_generator(repo)
    faults.clear()
    assert load_generator(repo).fingerprint() == tiny_stylegan2().fingerprint()


def test_wrong_bytes_that_another_program_left_in_the_cache_are_found(faults):
    data = network()
    repo = repository("left", **{"network.pkl": data})
    faults.append(Fault(r"GET /tester/left/resolve", "corrupt"))
    blob = hf_hub_download(repo, "network.pkl")
    with open(blob, "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() != hashlib.sha256(data).hexdigest()
    faults.clear()
    assert load_generator(repo).fingerprint() == tiny_stylegan2().fingerprint()


def test_a_body_that_is_cut_off_once_arrives_whole(faults):
    repo = repository("cut", **{"network.pkl": network()})
    faults.append(Fault(r"GET /tester/cut/resolve", "cut", count=1000, times=1))
    assert load_generator(repo).fingerprint() == tiny_stylegan2().fingerprint()


def test_a_commit_that_was_listed_is_not_asked_for_again(hub):
    repo = repository("pinned", **{"network.pkl": network()})
    commit = open_source(repo).generator().source_facts.revision
    hub.requests.clear()
    assert open_source(repo, commit).generator().fingerprint() == tiny_stylegan2().fingerprint()
    assert hub.requests == []


def test_only_what_is_here_is_taken_where_that_is_asked_for(hub, tmp_path):
    repo = repository("local-only", **{"network.pkl": network()})
    with pytest.raises(CheckpointError, match="cache"):
        open_source(repo, cache_dir=tmp_path, local_files_only=True)
    open_source(repo, cache_dir=tmp_path).generator()
    hub.requests.clear()
    open_source(repo, cache_dir=tmp_path, local_files_only=True).generator()
    assert hub.requests == []
