"""The README's table of families, and families of other packages: a toy package is announced where pip would do it."""

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from orojar_adapters import FAMILIES, Generator
from orojar_adapters.networks.families import GROUP, add_installed

ROOT = Path(__file__).parents[3]
SUPPORT = ROOT / "tests" / "support"
USE = """
from orojar_apps.editor.state import open_model
from orojar_finetune.cli import main

main(["inspect", "some.toy", "--json"])
main(["convert", "some.toy", "model"])
main(["discover", "model", "--method-options", "latents=4", "--count", "3"])
model = open_model("model")
print(f"the editor shows a {model.generator.family} with {len(model.directions('orojar-jd'))} directions")
"""


def test_the_readme_shows_the_table_of_families():
    ours = [cls for cls in FAMILIES.values() if cls.__module__.startswith("orojar_adapters.")]
    rows = ["| family | read from | latent spaces |", "|---|---|---|"]
    rows += [f"| {cls.title or cls.family} | {cls.files} | {', '.join(cls.spaces)} |" for cls in ours]
    table = "\n".join([*rows, "| all of them | model folders of this project | |"])
    assert table in (ROOT / "README.md").read_text(), f"the README's section 'What it reads' should hold\n{table}"


@pytest.fixture
def installed(tmp_path):
    """The environment of a process that has the toy package installed."""
    site = tmp_path / "site"
    announced = site / "toy_package-1.0.dist-info"
    announced.mkdir(parents=True)
    (announced / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-package\nVersion: 1.0\n")
    (announced / "entry_points.txt").write_text(f"[{GROUP}]\ntoy = toy_package:ToyGenerator\n")
    (site / "toy_package.py").write_text((SUPPORT / "toy_package" / "toy_package.py").read_text())
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


def run(environment, folder, *words):
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, timeout=250, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_files_are_read_and_the_command_line_and_the_editor_see_it(installed, tmp_path):
    waves = [[float(i == j) for j in range(5)] for i in range(3 * 8 * 8)]
    (tmp_path / "some.toy").write_text(json.dumps({"magic": "toy generator", "size": 8, "waves": waves}))
    said = run(installed, tmp_path, "-c", USE).splitlines()
    facts = json.loads("\n".join(said[: said.index("}") + 1]))
    assert (facts["family"], facts["latent_size"], facts["resolution"], facts["origin"]) == ("toy", 5, 8, "toy")
    assert any("direction 2" in line for line in said)
    assert said[-1] == "the editor shows a toy with 3 directions"


def test_the_contract_test_asks_it_too(installed):
    test = ROOT / "tests" / "adapters" / "contract" / "test_generator_contract.py"
    asked = run(installed, ROOT, "-m", "pytest", "-q", "-p", "no:randomly", test, "-k", "toy")
    assert " passed" in asked and "failed" not in asked


def test_a_damaged_file_of_its_own_is_refused_in_its_words(installed, tmp_path):
    (tmp_path / "bad.toy").write_text("{}")
    words = [sys.executable, "-m", "orojar_finetune", "inspect", "bad.toy"]
    done = subprocess.run(words, capture_output=True, text=True, env=installed, cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot read bad.toy: bad.toy does not begin as a toy generator does" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("broken", "no_such_module_anywhere:Family", "left out: ModuleNotFoundError"),
        ("words", "json:dumps", "json:dumps is not a class on orojar_adapters.Generator"),
        ("another", "orojar_adapters.networks.stylegan2:StyleGAN2", "its class says family 'stylegan2'"),
    ],
)
def test_what_does_not_work_is_said_and_left_out(name, value, said, caplog):
    families = dict(FAMILIES)
    add_installed(families, [EntryPoint(name, value, GROUP)])
    assert families == FAMILIES
    assert said in caplog.text


def test_a_name_that_is_taken_stays_with_its_family(caplog):
    families: dict[str, type[Generator]] = {"stylegan2": Generator}
    add_installed(families, [EntryPoint("stylegan2", "orojar_adapters.networks.stylegan2:StyleGAN2", GROUP)])
    assert families == {"stylegan2": Generator}
    assert "there is a family of this name already" in caplog.text
