"""A model folder with two direction sets of different sizes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import pytest
import torch

from orojar_apps.editor.state import OpenModel, open_model
from orojar_finetune import Directions, write_model_folder
from tiny import tiny_stylegan2


def axes(count: int, layers: tuple[int, int] | None = None, prefix: str = "axis") -> Directions:
    """The first axes of a w of width 8, all as active as they are long."""
    sigmas = torch.linspace(1, 2, count)
    return Directions(
        basis=torch.eye(8)[:count],
        sigmas=sigmas,
        space="w",
        method="axes",
        names=tuple(f"{prefix} {i}" for i in range(count)),
        layers=(layers,) * count,
        activity=tuple(sigmas.tolist()),
    )


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor") / "tiny"
    sets = {"three": axes(3), "five": axes(5, layers=(1, 3), prefix="coarse")}
    write_model_folder(folder, tiny_stylegan2(), sets, previews="none")
    return folder


@pytest.fixture(scope="session")
def model(model_folder: Path) -> OpenModel:
    return open_model(str(model_folder))


@pytest.fixture
def built() -> Callable[[Callable[[], gr.Blocks]], gr.Blocks]:
    """Builds a page where an event loop runs: elsewhere gradio opens loops of its own and never closes them."""

    def build(make: Callable[[], gr.Blocks]) -> gr.Blocks:
        async def inside() -> gr.Blocks:
            return make()

        return asyncio.run(inside())

    return build
