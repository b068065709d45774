"""Which room may import which, and which words are written where: read from the syntax trees."""

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
ROOMS = {
    "orojar_adapters": ["contract", "ops", "networks", "readers", "writers", "opening"],
    "orojar_finetune": [
        "penalty",
        "config",
        "runtime",
        "latents",
        "scenes",
        "images",
        "measures",
        "discovery",
        "sharing",
        "training",
        "evaluation",
        "verbs",
        "commands",
        "cli",
    ],
    "orojar_apps": ["editor"],
}
"""From top to bottom: a room imports from itself and from those above it."""
FRONT = ("__init__.py", "__main__.py")
"""A package's own front, which shows what its rooms hold."""
HUB_WRITES = {"create_repo", "upload_folder", "upload_file", "create_commit", "delete_repo", "push_to_hub", "create_branch"}


def files(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def in_rooms(package: str) -> list[Path]:
    return [path for path in files(package) if path.parent != PACKAGES[package] or path.name not in FRONT]


def room_of(path: Path, package: str) -> str:
    return path.relative_to(PACKAGES[package]).with_suffix("").parts[0]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, those of what it takes from a module too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(path: Path) -> set[str]:
    return {module.split(".")[0] for module in modules(path)}


def called(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def names(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_downwards_only(package):
    later = list(PACKAGES)[list(PACKAGES).index(package) + 1 :]
    assert {str(path): found for path in files(package) if (found := set(later) & imported(path))} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_is_in_a_room_and_every_room_is_there(package):
    assert {room_of(path, package) for path in in_rooms(package)} == set(ROOMS[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_from_those_above_them_only(package):
    order = ROOMS[package]
    wrong = []
    for path in in_rooms(package):
        for module in modules(path):
            first, _, rest = module.partition(".")
            room = rest.split(".")[0]
            if first == package and room in order and order.index(room) > order.index(room_of(path, package)):
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_goes_through_the_front_of_its_own_package(package):
    """It shows what lies in rooms below, so that would be a way around the order."""
    public = {alias for front in FRONT[:1] for alias in names(PACKAGES[package] / front)}
    wrong = []
    for path in in_rooms(package):
        for module in modules(path):
            first, _, rest = module.partition(".")
            if first == package and rest.split(".")[0] not in ROOMS[package]:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert wrong == [], public


def test_the_penalty_imports_torch_alone():
    found = imported(PACKAGES["orojar_finetune"] / "penalty.py")
    assert found - set(sys.stdlib_module_names) == {"torch"}


def test_accelerate_is_spoken_in_runtime_only():
    for path in [path for package in PACKAGES for path in files(package)]:
        if path.parent != PACKAGES["orojar_finetune"] / "runtime":
            assert "accelerate" not in imported(path), path


def test_gradio_is_spoken_in_the_editor_only():
    for path in [path for package in PACKAGES for path in files(package)]:
        if path.parent != PACKAGES["orojar_apps"] / "editor":
            assert "gradio" not in imported(path), path


def test_the_hub_is_written_in_one_file_only():
    everything = [path for package in PACKAGES for path in files(package)]
    assert [path.name for path in everything if HUB_WRITES & set(called(path))] == ["hub.py"]


def test_no_family_is_named_in_the_method():
    for path in [*files("orojar_finetune"), *files("orojar_apps")]:
        words = {*names(path), *(module.rpartition(".")[2] for module in modules(path))}
        for cls in FAMILIES.values():
            assert cls.__name__ not in words, path
        assert not any(word.endswith("Discriminator") and word != "Discriminator" for word in words), path
        assert not any(module.startswith("orojar_adapters.networks") for module in modules(path)), path


def test_nothing_unpickles():
    for package in PACKAGES:
        for path in files(package):
            assert not {"pickle", "dill", "joblib", "cloudpickle"} & imported(path), path
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in ("torch.load(", "allow_pickle=True", "weights_only=False")), path


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_longer_than_300_lines(package):
    assert [str(p) for p in files(package) if len(p.read_text(encoding="utf-8").splitlines()) > 300] == []
