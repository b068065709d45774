import json
import subprocess
import sys

import pytest
from huggingface_hub import HfApi
from PIL import Image

from orojar_finetune import Directions, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.commands import discover as discover_command
from orojar_finetune.commands.generate import parse_edits, parse_noise
from tiny import tiny_biggan, tiny_stylegan2

QUICK = ["--method-options", "latents=4", "--count", "3"]


@pytest.fixture
def folder(tmp_path):
    write_model_folder(tmp_path / "m", tiny_stylegan2())
    return tmp_path / "m"


def fails(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return stopped.value.code


def run(*words: object) -> None:
    main([str(word) for word in words])


@pytest.mark.parametrize(
    "verb", [[], ["demo"], ["inspect"], ["convert"], ["discover"], ["generate"], ["edit"], ["merge"], ["push"]]
)
def test_help_needs_none_of_the_heavy_libraries(verb):
    code = (
        "import sys\nfrom orojar_finetune.cli import main\n"
        f"try: main({[*verb, '--help']})\nexcept SystemExit as e: assert e.code == 0\n"
        "heavy = {'torch', 'diffusers', 'gradio', 'accelerate', 'transformers', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage: orojar" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("discover", "x", "--count", "0"), "count must be greater than or equal to 1, got 0"),
        (("discover", "x", "--method-options", "stesp=4"), "orojar-jd has no option 'stesp'; it has: latents, epsilon"),
        (("discover", "x", "--method-options", "epsilon=nan"), "epsilon must be a finite number"),
        (("train", "--output-dir", "x", "--max-train-steps", "0"), "max_train_steps"),
        (("evaluate", "x", "--measures", "beauty"), "measures must be some of off-diagonal"),
        (("compare", "x", "--methods", "guess"), "method must be one of orojar-jd"),
        (("discover", "not-there/at-all", "--method", "guess"), "method must be one of orojar-jd"),
    ],
)
def test_an_option_that_cannot_be_is_one_sentence_before_anything_is_read(words, message, capsys):
    assert fails(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("orojar: ") and error.count("\n") == 1
    assert message in error


def test_discover_completes_a_model_folder_and_generate_draws_its_directions(folder, tmp_path, capsys):
    run("discover", folder, *QUICK)
    assert "direction 2" in capsys.readouterr().out
    run("discover", folder, "--method", "random", "--count", "3", "--name", "chance")
    assert Directions.list(folder) == ["chance", "orojar-jd"]
    out = tmp_path / "out"
    run("generate", folder, "--output-dir", out, "--kinds", "images", "grid", "strips", "gif", "--seeds", 1, 2,
        "--edits", "0=2", "direction 1=-1.5", "--truncation", 0.7, "--direction-set", "chance")  # fmt: skip
    drawn = {p.name for p in out.iterdir()}
    assert drawn == {
        "seed_0001.png",
        "seed_0002.png",
        "grid.png",
        "traversal.gif",
        *(f"direction_{i:02}.png" for i in range(3)),
    }
    assert set(capsys.readouterr().out.split()) >= {str(out / name) for name in drawn}
    with Image.open(out / "seed_0001.png") as image:
        assert image.size == (16, 16)


def test_an_edit_changes_the_picture_and_the_same_command_repeats_it(folder, tmp_path):
    run("discover", folder, *QUICK)
    for name, edits in [("a", []), ("b", ["--edits", "0=2"]), ("c", ["--edits", "0=2"])]:
        run("generate", folder, "--output-dir", tmp_path / name, "--kinds", "images", "--seeds", 3, *edits)
    a, b, c = ((tmp_path / name / "seed_0003.png").read_bytes() for name in "abc")
    assert a != b
    assert b == c


def test_inspect_prints_one_json_object(folder, capsys):
    run("inspect", folder, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["family"] == "stylegan2"
    assert (found["resolution"], found["channels"], found["latent_size"], found["num_classes"]) == (16, 3, 8, 0)
    assert (found["origin"], found["has_discriminator"], found["license"]) == ("orojar-finetune", False, None)
    assert (found["pickle_globals"], found["embedded_source_sha256"]) == ([], None)
    run("inspect", folder)
    assert "No code" in capsys.readouterr().out


def test_inspect_numbers_the_activations_where_they_are_not_the_layers(tmp_path, capsys):
    write_model_folder(tmp_path / "big", tiny_biggan())
    run("inspect", tmp_path / "big")
    _, _, listed = capsys.readouterr().out.partition("penalty.on)\n")
    numbers = [line.split()[0] for line in listed.splitlines()[:-1]]
    assert numbers == [str(layer.index) for layer in tiny_biggan().feature_layers]


def test_convert_writes_a_model_folder(folder, tmp_path, capsys):
    run("convert", folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "diffusion_pytorch_model.safetensors").is_file()


def test_push_sends_and_inspect_reads_it_from_the_hub(hub, folder, capsys):
    run("push", folder, "tester/from-cli")
    assert "orojar edit tester/from-cli" in capsys.readouterr().out
    run("push", folder, "tester/from-cli")
    assert "--overwrite-card" not in capsys.readouterr().out  # it was ours
    HfApi().upload_file(path_or_fileobj=b"# Mine", path_in_repo="README.md", repo_id="tester/from-cli")
    run("push", folder, "tester/from-cli")
    assert "--overwrite-card" in capsys.readouterr().out
    run("inspect", "tester/from-cli", "--json")
    assert json.loads(capsys.readouterr().out)["revision"]


def test_errors_are_a_sentence_and_status_2(folder, tmp_path, capsys):
    (tmp_path / "junk.pkl").write_bytes(b"junk")
    for words, message in [
        (["inspect", tmp_path / "none.pkl"], "neither"),
        (["inspect", tmp_path / "junk.pkl"], "no known checkpoint format"),
        (["discover", folder, "--count", "99"], "count must be at most 8"),
        (["discover", folder, "--method", "magic"], "method must be one of"),
        (["generate", folder, "--edits", "0=2", "--output-dir", tmp_path / "o"], "orojar discover"),
        (["generate", folder, "--noise", "pink", "--output-dir", tmp_path / "o"], "noise must be"),
        (["push", tmp_path, "tester/x"], "not a model folder"),
        (["convert", folder, tmp_path], "not a model folder"),
    ]:
        assert fails(*words) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert printed.startswith("orojar: ")
        assert printed.count("\n") == 1
        assert "Traceback" not in printed
    assert fails("discover", folder, "--count", "many") == 2


def test_debug_shows_where_an_error_came_from(tmp_path):
    with pytest.raises(ValueError, match="neither"):
        main(["inspect", str(tmp_path / "none.pkl"), "--debug"])


def test_an_error_that_nobody_foresaw_is_a_sentence_too(folder, monkeypatch, capsys):
    monkeypatch.setattr(discover_command, "open_source", lambda *_: 1 / 0)
    assert fails("discover", folder) == 2
    assert "unexpected ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_is_status_130(folder, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(discover_command, "open_source", interrupted)
    assert fails("discover", folder) == 130


@pytest.mark.parametrize("word", ["2", "=2", "0=", "0=much"])
def test_edits_in_another_form_are_refused(word):
    with pytest.raises(ValueError, match="DIRECTION=SIGMAS"):
        parse_edits((word,))


def test_edits_and_noise_are_parsed():
    assert parse_edits(("0=2", "hue=-1.5", "a=b=1")) == {0: 2.0, "hue": -1.5, "a=b": 1.0}
    assert [parse_noise(word) for word in ("const", "none", "12")] == ["const", "none", 12]
