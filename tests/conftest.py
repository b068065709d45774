"""A loopback Hub for the whole run, started before huggingface_hub is imported: it reads its address once."""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fault_hub import Fault, FaultHub

_home = tempfile.TemporaryDirectory(prefix="orojar-tests-")
_hub = FaultHub()
_hub.__enter__()
os.environ |= {
    "HF_ENDPOINT": _hub.url,
    "HF_TOKEN": "hf_local",
    "HF_HOME": _home.name,
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "OMP_NUM_THREADS": "1",
    "ACCELERATE_USE_CPU": "true",
}

GOLDEN = Path(os.environ.get("OROJAR_GOLDEN", Path(__file__).parents[2] / "shared" / "golden"))


def pytest_sessionfinish() -> None:
    _hub.__exit__(None, None, None)
    _home.cleanup()


@pytest.fixture
def hub() -> FaultHub:
    """The loopback Hub; give every test its own repository names."""
    return _hub


@pytest.fixture
def faults() -> Iterator[list[Fault]]:
    """What the Hub does wrong while a test runs: put faults into it."""
    _hub.requests.clear()
    yield _hub.faults
    _hub.faults.clear()
    _hub.gated.clear()


@pytest.fixture(scope="session")
def golden() -> Path:
    """The originals' own checkpoints and the images their code made of them."""
    if not GOLDEN.is_dir():
        pytest.skip(f"the originals' checkpoints are not at {GOLDEN} (set OROJAR_GOLDEN)")
    return GOLDEN


@pytest.fixture(scope="session", autouse=True)
def few_held_out_latents() -> Iterator[None]:
    """Direction sets are measured at 8 latents instead of 256: most tests are about something else."""
    from orojar_finetune.measures import direction_set

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direction_set, "HELD_OUT", 8)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """One thread; and what a test or its fixtures leave to chance is the same in every run, whatever ran before."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
