"""`orojar evaluate` and `orojar compare` as people type them."""

import json

import pytest

from orojar_finetune import discover, load_generator, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.sharing.card import EVALUATION, MARK
from tiny import tiny_stylegan2

QUICK = ["--images", "16"]


@pytest.fixture
def model(tmp_path):
    generator = tiny_stylegan2()
    names = enumerate(("mine", "yours"))
    sets = {name: discover(generator, method="random", count=2, seed=i, progress=False) for i, name in names}
    write_model_folder(tmp_path / "m", generator, sets, metrics={"kept": 1})
    return tmp_path / "m"


def test_a_model_folder_gets_its_figures_into_metrics_card_and_page(model, capsys):
    weights = (model / "diffusion_pytorch_model.safetensors").read_bytes()
    main(["evaluate", str(model), *QUICK])
    shown = capsys.readouterr().out
    assert "mine" in shown and "yours" in shown and "fidelity was left out" in shown
    metrics = json.loads((model / "metrics.json").read_text())
    assert metrics["kept"] == 1 and "direction_sets" in metrics
    assert [column["name"] for column in metrics["evaluation"]["columns"]] == ["mine", "yours"]
    card = (model / "README.md").read_text()
    assert card.count(EVALUATION) == 1 and "| | mine | yours |" in card
    assert "- Preservation is measured in the features 'random'." in card and "- fidelity was left out" in card
    assert str(model.parent) not in card + (model / "metrics.json").read_text() + (model / "report.html").read_text()
    assert metrics["evaluation"]["on"]["model"] == "m"
    assert "data:image/png" in (model / "report.html").read_text()
    assert (model / "diffusion_pytorch_model.safetensors").read_bytes() == weights
    main(["evaluate", str(model), *QUICK, "--direction-set", "yours", "--measures", "off-diagonal"])
    again = (model / "README.md").read_text()
    assert again.count(EVALUATION) == 1 and "| | yours |" in again and "| | mine | yours |" not in again
    assert "## Use" in again and "## Where the weights came from" in again


def test_the_card_keeps_an_evaluation_when_the_folder_is_written_again(model):
    main(["evaluate", str(model), *QUICK, "--measures", "off-diagonal"])
    write_model_folder(model, load_generator(model))
    assert "| | mine | yours |" in (model / "README.md").read_text()


def test_a_card_of_somebody_else_is_left_alone(model):
    (model / "README.md").write_text("# Mine\n")
    main(["evaluate", str(model), *QUICK, "--measures", "off-diagonal"])
    assert (model / "README.md").read_text() == "# Mine\n"
    assert MARK not in (model / "README.md").read_text()


def test_other_sources_get_a_folder_of_their_own(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["evaluate", str(model), *QUICK, "--output-dir", "out", "--measures", "path-length"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.json", "report.html"]
    assert "path length in z" in capsys.readouterr().out


def test_compare_prints_a_line_a_method_and_writes_a_page(model, tmp_path, capsys):
    words = ["compare", str(model), "--output-dir", str(tmp_path / "c"), "--methods", "random", "sefa", "--tuned", str(model)]
    main([*words, "--count", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["random", "sefa", str(model)]
    assert lines[0].split()[:3] == ["share", "effective", "cos²"]
    assert lines[0].split()[-1] == "images" and lines[1].split()[-1] == "0"
    found = json.loads((tmp_path / "c" / "metrics.json").read_text())["evaluation"]
    assert [column["name"] for column in found["columns"]] == ["random", "sefa", str(model)]
    assert found["config"]["count"] == 2
    assert (tmp_path / "c" / "report.html").read_text().count("data:image/png") == 6


def test_an_unknown_direction_set_is_named(model, capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", str(model), "--direction-set", "theirs"])
    assert "has no direction set 'theirs'; it has mine, yours" in capsys.readouterr().err
