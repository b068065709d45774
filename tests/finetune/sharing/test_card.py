"""What the model card says, and of whom."""

import dataclasses
import math
import re

import pytest
import torch
from huggingface_hub import ModelCard

from linear import Linear, direction_set
from orojar_finetune import discover, write_model_folder
from orojar_finetune.sharing import card
from tiny import TINY, tiny_biggan

START = {"off_diagonal_cos2": 0.131, "off_diagonal_share": 0.2, "effective_directions": 2.5, "activity": 1.6, "frechet": 33.0}
END = {"off_diagonal_cos2": 0.092, "off_diagonal_share": 0.1, "effective_directions": 2.75, "activity": 1.5, "frechet": 32.0}
SCORES = {key: END[key] for key in card.OF_SETS}
TUNING = {"start": START, "end": END, "steps": 9, "penalty_weight": 15.0, "data": "none", "features": "random"}


def directions(method: str = "orojar-jd", **changed: object):
    return dataclasses.replace(direction_set(torch.eye(4)[:3]), method=method, **changed)


def written(sets=None, base=None, tuning=None, **options) -> str:
    return card.text(Linear(), sets or {}, base or {}, None, {"finetune": tuning} if tuning else None, **options)


def data(text: str) -> dict:
    return ModelCard(text).data.to_dict()


def row(text: str, name: str) -> list[str]:
    """The cells of the first row of a name."""
    return [
        cell.strip() for cell in next(line for line in text.splitlines() if line.startswith(f"| {name} |")).split("|")[2:-1]
    ]


def test_the_license_of_the_source_is_kept_and_none_is_invented():
    base = {"source": "nvlabs/ffhq", "revision": "abc", "origin": "x", "license": "nvidia-nc"}
    found = data(written(base=base))
    assert (found["license"], found["license_name"], found["base_model"]) == ("other", "nvidia-nc", "nvlabs/ffhq")
    text = written(base={"source": "a.pkl", "origin": "x"})
    assert not {"license", "license_name", "base_model"} & data(text).keys()
    assert "not stated" in text


@pytest.mark.parametrize("license", ["cc-by-nc-nd-4.0", "creativeml-openrail-m", "agpl-3.0", "bsd", "MIT"])
def test_a_license_that_the_hub_knows_needs_no_name(license):
    found = data(written(base={"license": license}))
    assert found["license"] == license.lower() and "license_name" not in found


def test_a_license_cannot_break_out_of_the_front_matter():
    license = "x\n---\n<script>\ntags: [a]"
    text = written(base={"source": "a", "license": license})
    assert data(text)["license_name"] == license and data(text)["tags"] == ["gan", "linear"]
    assert "<script>" not in ModelCard(text).text


def test_the_card_of_weights_that_were_made_here_names_no_source_and_the_family_is_a_tag():
    text = card.text(tiny_biggan(), {}, {"source": None, "origin": "made in memory", "license": None})
    assert "They were made where this folder was written" in text and "ask their authors" not in text
    assert data(text)["tags"] == ["gan", "biggan"]
    assert "pipeline_tag" not in data(text)
    assert data(written())["pipeline_tag"] == "unconditional-image-generation"


def test_a_control_does_not_speak_of_the_penalty():
    text = written(tuning={**TUNING, "penalty_weight": 0.0})
    assert "fine-tuned without the penalty" in text and "with the penalty" not in text and "Wei et al." not in text


def test_it_says_what_the_weights_were_tuned_with_and_what_they_were_compared_to():
    assert "these are the weights after 6" in written(tuning={**TUNING, "kept_step": 6})
    assert "these are the weights" not in written(tuning={**TUNING, "kept_step": 9})
    text = written(tuning={**TUNING, "penalty_form": "cosine"})
    assert "fine-tuned with OroJaR" in text and "squared cosines" in text and "Wei et al." in text
    assert "Fréchet distance to samples of the original generator in features 'random'" in text
    assert "Fréchet distance to the real images" in written(tuning={**TUNING, "data": "scenes"})
    hessian = written(tuning={**TUNING, "penalty_form": "hessian"})
    assert "fine-tuned with the Hessian Penalty" in hessian and "Wei et al." not in hessian


def test_one_table_has_one_number_for_one_thing():
    text = written({"orojar-jd": directions(scores=SCORES), "sefa": directions("sefa")}, tuning=TUNING)
    assert row(text, "before the fine-tune") == ["0.131", "0.200", "2.500", "1.600", "33.000"]
    assert row(text, "after the fine-tune: orojar-jd") == ["0.092", "0.100", "2.750", "1.500", "32.000"]
    assert row(text, "sefa") == ["-"] * 5
    assert "\n| orojar-jd |" not in text and text.count("0.092") == 1
    assert f"Measured on {card.HELD_OUT} held-out latents" in text


def test_a_set_with_other_figures_than_the_fine_tunes_has_a_row_of_its_own():
    text = written({"orojar-jd": directions(scores={**SCORES, "activity": 1.4})}, tuning=TUNING)
    assert row(text, "after the fine-tune")[3] == "1.500" and row(text, "orojar-jd")[3] == "1.400"


def test_what_is_no_number_is_not_printed_as_one():
    text = written({"a": directions(scores={"activity": math.nan})}, tuning={**TUNING, "end": {"frechet": "<b>"}})
    assert row(text, "a") == ["-"] * 5 and row(text, "after the fine-tune") == ["-"] * 5


def test_names_out_of_files_do_not_become_markup():
    name = "<img src=x onerror=alert(1)>"
    sets = {name: directions(names=(name, "a|b", "![x](http://example.org)"))}
    base = {"source": f"user/{name}", "origin": name, "revision": "`", "license": name}
    evaluation = {"on": {name: name}, "columns": [{"name": name, "figures": {name: {"value": 1.0}}, "notes": [name]}]}
    text = card.text(
        Linear(), sets, base, None, {"evaluation": evaluation, "finetune": {**TUNING, "steps": name}}, {"direction_00.png"}
    )
    assert "<img" not in ModelCard(text).text
    assert re.findall(r"!\[.*?[^\\]\]\((.*?)\)", text) == [f"previews/direction_0{i}.png" for i in range(3)]


def test_it_shows_the_previews_there_are_and_no_others():
    sets = {"a": directions()}
    text = written(sets, pictures={"samples.png", "direction_00.png"})
    assert "![samples](previews/samples.png)" in text and "![direction 1](previews/direction_01.png)" in text
    assert "previews/" not in written(sets)


def test_a_direction_of_other_weights_is_not_measured():
    assert row(written({"a": directions().unmeasured()}), "direction 0") == ["not measured", "all"]


def test_it_speaks_of_directions_and_of_orojar_where_there_are_some():
    base = {"source": "user/repo"}
    plain = written(base=base)
    assert "latent directions" not in plain and "latent-directions" not in plain and "Wei et al." not in plain
    for method, cited in (("sefa", False), ("orojar-jd", True)):
        text = written({method: directions(method)}, base)
        assert "# user/repo with latent directions" in text and "latent-directions" in data(text)["tags"]
        assert ("Wei et al." in text) == cited


@pytest.mark.parametrize("family", TINY)
def test_what_it_says_to_type_works_for_every_family(tmp_path, family):
    generator = TINY[family]()
    random = discover(generator, method="random", count=1, progress=False)
    for sets in ({"random": random}, {}):
        write_model_folder(tmp_path / family, generator, sets, previews="none")
        text = (tmp_path / family / card.CARD).read_text()
        code = text.partition("```python\n")[2].partition("```")[0]
        seen = {}
        exec(code.replace("user/repo", str(tmp_path / family)), seen)  # our own words
        assert seen["images"].shape[0] == 4


def test_an_evaluation_takes_the_place_of_an_earlier_one_and_the_rest_stays(tmp_path):
    def evaluation(value):
        return {"on": {"model": "m", "seed": 0}, "columns": [{"name": "a", "figures": {"x": {"value": value}}, "notes": ["n"]}]}

    path = tmp_path / card.CARD
    path.write_text(written() + "\n## Mine\n\nmy words\n")
    before = path.read_text()
    path.write_text(card.with_evaluation(tmp_path, evaluation(0.1)))
    assert path.read_text().startswith(before.rstrip()) and row(path.read_text(), "x") == ["0.100"]
    path.write_text(path.read_text() + "\n## Below\n\nmy words, too\n")
    text = card.with_evaluation(tmp_path, evaluation(0.2))
    assert text.count(card.EVALUATION) == 1 and row(text, "x") == ["0.200"]
    assert text.startswith(before.rstrip()) and text.endswith("- n\n\n## Below\n\nmy words, too\n")


def test_an_evaluation_leaves_somebody_elses_card_alone(tmp_path):
    (tmp_path / card.CARD).write_text("# Mine\n")
    assert card.with_evaluation(tmp_path, {"on": {}, "columns": []}) == "# Mine\n"
