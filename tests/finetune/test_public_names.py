"""The package's front: names that are imported when they are first used."""

import ast
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import orojar_finetune


def test_the_package_is_imported_without_its_libraries():
    code = (
        "import sys, orojar_finetune\n"
        "heavy = {'torch', 'diffusers', 'gradio', 'accelerate', 'numpy', 'pydantic', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", orojar_finetune.__all__)
def test_every_public_name_is_there(name):
    assert getattr(orojar_finetune, name).__name__ == name
    assert name in dir(orojar_finetune)


def test_type_checkers_see_the_same_names():
    source = ast.parse(Path(orojar_finetune.__file__).read_text(encoding="utf-8"))
    block = next(node for node in source.body if isinstance(node, ast.If))
    seen = {alias.name: line.module for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}
    assert seen == orojar_finetune._MODULES


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="discovery_of_everything"):
        orojar_finetune.discovery_of_everything  # noqa: B018


@pytest.mark.parametrize("package", ["orojar_finetune", "orojar_adapters", "orojar_apps"])
def test_type_checkers_are_told_that_there_are_types(package):
    assert resources.files(package).joinpath("py.typed").is_file()
