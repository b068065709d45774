import signal

import pytest

from orojar_finetune.runtime.atomic import Interrupt, replacing, replacing_folder


def test_a_file_appears_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("tw")
        raise RuntimeError
    assert path.read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_or_stays_as_it_was(tmp_path):
    folder = tmp_path / "deep" / "model"
    for text in ("one", "two"):
        with replacing_folder(folder) as temporary:
            (temporary / "a").write_text(text)
    with pytest.raises(RuntimeError), replacing_folder(folder) as temporary:
        (temporary / "a").write_text("three")
        raise RuntimeError
    assert (folder / "a").read_text() == "two"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["model"]
    assert folder.stat().st_mode & 0o700 == 0o700


def test_a_second_interrupt_stops_at_once_and_handlers_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.wanted
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before
