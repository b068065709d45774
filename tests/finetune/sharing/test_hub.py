import pytest
import torch
from huggingface_hub import HfApi, hf_hub_download

from orojar_finetune import CheckpointError, Directions, discover, load_generator, push, write_model_folder
from orojar_finetune.config import DiscoverConfig
from tiny import tiny_discriminator, tiny_stylegan2

QUICK = DiscoverConfig(count=3, method_options={"latents": 4})


@pytest.fixture
def folder(tmp_path):
    generator = tiny_stylegan2()
    write_model_folder(tmp_path / "m", generator, {"orojar-jd": discover(generator, QUICK, progress=False)})
    return tmp_path / "m"


def test_a_pushed_model_comes_back_bit_for_bit_with_its_directions(hub, folder):
    pushed = push(folder, "tester/round-trip")
    assert pushed.url.startswith(hub.url)
    local, fetched = load_generator(folder), load_generator("tester/round-trip")
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(fetched(z), local(z))
    theirs, ours = Directions.load("tester/round-trip"), Directions.load(folder)
    assert torch.equal(theirs.basis, ours.basis)
    ws = local.map(z)
    assert torch.equal(fetched.synthesize(theirs.apply(ws, {0: 2.0})), local.synthesize(ours.apply(ws, {0: 2.0})))
    assert fetched.source_facts is not None and fetched.source_facts.revision is not None


def test_the_uploaded_card_shows_the_directions(hub, folder):
    push(folder, "tester/card")
    with open(hf_hub_download("tester/card", "README.md")) as file:
        text = file.read()
    assert "previews/direction_02.png" in text
    assert "library_name: orojar-finetune" in text
    assert {"previews/direction_02.png", "previews/traversal.gif"} <= set(HfApi().list_repo_files("tester/card"))


def test_a_card_on_the_hub_is_not_overwritten_unasked(hub, folder):
    HfApi().create_repo("tester/mine")
    HfApi().upload_file(path_or_fileobj=b"# Mine", path_in_repo="README.md", repo_id="tester/mine")
    assert push(folder, "tester/mine").kept_card
    with open(hf_hub_download("tester/mine", "README.md")) as file:
        assert file.read() == "# Mine"
    assert not push(folder, "tester/mine", overwrite_card=True).kept_card
    with open(hf_hub_download("tester/mine", "README.md")) as file:
        assert "library_name: orojar-finetune" in file.read()


def test_hidden_files_are_not_pushed(hub, folder):
    (folder / ".secret").write_text("x")
    push(folder, "tester/hidden")
    assert ".secret" not in HfApi().list_repo_files("tester/hidden")


def test_an_earlier_revision_can_still_be_loaded(hub, folder):
    push(folder, "tester/revisions")
    first = HfApi().model_info("tester/revisions").sha
    changed = tiny_stylegan2(seed=1)
    write_model_folder(folder, changed)
    push(folder, "tester/revisions")
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_generator("tester/revisions")(z), changed(z))
    assert torch.equal(load_generator("tester/revisions", revision=first)(z), tiny_stylegan2()(z))


def test_what_cannot_be_pushed_is_refused_before_anything_is_sent(hub, folder, tmp_path):
    with pytest.raises(ValueError, match="not a model folder"):
        push(tmp_path, "tester/nothing")
    write_model_folder(tmp_path / "run" / "model", tiny_stylegan2())
    with pytest.raises(ValueError, match=f"push {tmp_path / 'run' / 'model'}"):
        push(tmp_path / "run", "tester/nothing")
    with pytest.raises(ValueError, match="repository"):
        push(folder, "not a name!")
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="damaged"):
        push(folder, "tester/damaged")
    assert "models/tester/damaged" not in hub.store.repos


def test_a_hub_that_is_not_there_is_said(folder, monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(HfApi, "create_repo", unreachable)
    with pytest.raises(ValueError, match="reach"):
        push(folder, "tester/x")


def test_directions_are_found_at_an_address_of_the_hub_as_the_model_is(hub, folder):
    pushed = push(folder, "tester/addressed")
    assert "/commit/" in pushed.url
    ours = Directions.load(folder)
    page = f"{hub.url}/tester/addressed"
    for source in (page, "hf://tester/addressed", "tester/addressed/", f"{page}/tree/main", pushed.url):
        assert load_generator(source).resolution == 16
        assert Directions.list(source) == ["orojar-jd"]
        assert torch.equal(Directions.load(source).basis, ours.basis)
    with pytest.raises(CheckpointError, match="is one file"):
        Directions.load("tester/addressed/diffusion_pytorch_model.safetensors")


def test_missing_directions_on_the_hub_are_said_plainly(hub, tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    push(tmp_path / "m", "tester/bare")
    with pytest.raises(CheckpointError, match=r"holds no directions\.json"):
        Directions.load("tester/bare")
    assert Directions.list("tester/bare") == []
    with pytest.raises(CheckpointError, match="neither"):
        Directions.load("tester/not-there")


def test_a_second_push_leaves_nothing_of_the_first_ones_weights(hub, folder, tmp_path):
    write_model_folder(folder, load_generator(folder), discriminator=tiny_discriminator())
    push(folder, "tester/again")
    HfApi().upload_file(path_or_fileobj=b"theirs", path_in_repo="notes/mine.txt", repo_id="tester/again")
    other = tiny_stylegan2(seed=1)
    write_model_folder(tmp_path / "two", other)
    assert not push(tmp_path / "two", "tester/again").kept_card
    files = set(HfApi().list_repo_files("tester/again"))
    assert not [name for name in files if name.startswith(("directions.", "discriminator/", "previews/direction_"))]
    assert {"notes/mine.txt", "previews/samples.png", "README.md"} <= files
    facts = load_generator("tester/again").source_facts
    assert facts is not None and not facts.has_discriminator
    assert Directions.list("tester/again") == []


def test_a_card_that_we_wrote_is_written_anew(hub, folder):
    push(folder, "tester/renewed")
    found = discover(load_generator(folder), QUICK, method="sefa", progress=False)
    write_model_folder(folder, load_generator(folder), {"sefa": found})
    assert not push(folder, "tester/renewed").kept_card
    with open(hf_hub_download("tester/renewed", "README.md")) as file:
        assert "## Directions (`sefa`, in w)" in file.read()


def test_nothing_private_is_pushed_where_all_can_see_it(hub, folder):
    push(folder, "tester/hidden-away", private=True)
    push(folder, "tester/hidden-away", private=True)
    assert HfApi().model_info("tester/hidden-away").private
    HfApi().create_repo("tester/open")
    with pytest.raises(ValueError, match="is public"):
        push(folder, "tester/open", private=True)
    assert "config.json" not in HfApi().list_repo_files("tester/open")


def test_whether_a_new_repository_is_private_is_its_owners_default_unless_asked(folder, monkeypatch):
    asked, create = [], HfApi.create_repo
    monkeypatch.setattr(HfApi, "create_repo", lambda self, *a, **k: asked.append(k["private"]) or create(self, *a, **k))
    push(folder, "tester/visibility")
    push(folder, "tester/visibility-2", private=True)
    assert asked == [None, True]
