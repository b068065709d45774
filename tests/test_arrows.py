"""Who may import whom, and which words are written where: read from the syntax trees."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orojar_adapters import FAMILIES

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "orojar_adapters": ROOT / "adapters" / "orojar_adapters",
    "orojar_finetune": ROOT / "orojar_finetune",
    "orojar_apps": ROOT / "apps" / "orojar_apps",
}
FORBIDDEN = {
    "orojar_adapters": {"orojar_finetune", "orojar_apps", "accelerate", "gradio"},
    "orojar_finetune": {"orojar_apps", "gradio"},
    "orojar_apps": {"accelerate"},
}
HUB_WRITES = {"create_repo", "upload_folder", "upload_file", "create_commit", "delete_repo", "push_to_hub", "create_branch"}


def files(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            yield (node.module or "").split(".")[0]


def called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_downwards_only(package):
    assert files(package)
    wrong = {
        str(path.relative_to(ROOT)): found for path in files(package) if (found := FORBIDDEN[package] & set(imported(path)))
    }
    assert wrong == {}


def test_the_penalty_imports_torch_alone():
    found = set(imported(PACKAGES["orojar_finetune"] / "penalty.py"))
    assert found - set(sys.stdlib_module_names) == {"torch"}


def test_accelerate_is_spoken_in_training_only():
    for path in files("orojar_finetune"):
        if path.parent.name != "training":
            assert "accelerate" not in set(imported(path)), path


def test_accelerators_are_asked_in_training_files_only():
    for path in files("orojar_finetune"):
        if path.parent.name != "training":
            assert "accelerator" not in set(names(path)), path


def test_gradio_is_spoken_in_the_editor_only():
    for path in files("orojar_apps"):
        if path.parent.name != "editor":
            assert "gradio" not in set(imported(path)), path


def test_the_hub_is_written_in_one_file_only():
    everything = [path for package in PACKAGES for path in files(package)]
    assert [path.name for path in everything if HUB_WRITES & set(called(path))] == ["hub.py"]


def test_no_family_is_named_in_the_method():
    for path in files("orojar_finetune"):
        words = {*names(path), *imported(path)}
        modules = {n.module or "" for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)}
        for family, cls in FAMILIES.items():
            assert cls.__name__ not in words, path
            assert f"orojar_adapters.{family}" not in modules, path


def test_nothing_unpickles():
    for package in PACKAGES:
        for path in files(package):
            assert not {"pickle", "dill", "joblib", "cloudpickle"} & set(imported(path)), path
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in ("torch.load(", "allow_pickle=True", "weights_only=False")), path


def test_no_module_bears_the_name_of_a_public_function():
    public = {"load_generator", "discover", "finetune", "evaluate", "push", "hessian_penalty", "generate_edited"}
    tops = {path.stem for path in PACKAGES["orojar_finetune"].iterdir()} - {"discovery"}
    assert not public & tops


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_longer_than_300_lines(package):
    assert [str(p) for p in files(package) if len(p.read_text(encoding="utf-8").splitlines()) > 300] == []
