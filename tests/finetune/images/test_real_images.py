import io
import threading
import zipfile
from concurrent.futures import wait

import numpy as np
import pytest
import torch
from PIL import Image

from orojar_finetune.config import DataConfig
from orojar_finetune.images.opening import open_real_images
from orojar_finetune.images.real_images import EPOCHS_KEPT
from orojar_finetune.runtime.reproducible import rng
from tiny import tiny_stylegan2

CPU = torch.device("cpu")
COUNT = 10


def picture(number):
    """Bytes of a PNG of 16 x 16 in one color of its own, darker on the left."""
    pixels = np.full((16, 16, 3), number, np.uint8)
    pixels[:, 8:] += 100
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Ten images in two subfolders, number 3 of color value 3, and so on."""
    for number in range(COUNT):
        place = tmp_path / "data" / ("first" if number < 4 else "second")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(picture(number))
    return tmp_path / "data"


def opened(data, classes=0, seed=0, **config):
    return open_real_images(str(data), tiny_stylegan2(num_classes=classes), seed, CPU, DataConfig(**config))


def images(data, step=0, total=4, rows=None):
    return data.batch(step, total, rows or slice(0, total))[0]


def numbers(batch):
    """Which of the ten images they are."""
    darker = torch.minimum(batch[:, 0, 0, 0], batch[:, 0, 0, -1])
    return ((darker + 1) * 127.5).round().int().tolist()


def test_images_are_the_files_in_minus_one_to_one(folder):
    batch = images(opened(folder))
    assert batch.dtype == torch.float32 and batch.shape == (4, 3, 16, 16) and batch.is_contiguous()
    for image, number in zip(batch, numbers(batch), strict=True):
        left, right = torch.tensor([number, number + 100]) / 127.5 - 1
        assert (image[:, :, :8] == left).all() and (image[:, :, 8:] == right).all()


def test_black_and_white_are_the_ends_of_the_range(tmp_path):
    Image.fromarray(np.array([[0, 255]] * 2, np.uint8).repeat(8, 0).repeat(8, 1)).save(tmp_path / "a.png")
    batch = images(opened(tmp_path), total=1)
    assert (batch[..., :8] == -1).all() and (batch[..., 8:] == 1).all()


@pytest.mark.parametrize("channels", [1, 4])
def test_images_have_the_channels_of_the_generator(folder, channels):
    data = open_real_images(str(folder), tiny_stylegan2(image_channels=channels), 0, CPU, DataConfig())
    batch = images(data)
    assert batch.shape == (4, channels, 16, 16)
    assert torch.equal(batch[:, :1], images(opened(folder))[:, :1])
    assert channels < 4 or (batch[:, 3] == 1).all()


def test_every_epoch_shows_every_image_once_in_the_order_of_its_draws(folder):
    data = opened(folder)
    seen = [number for step in range(15) for number in numbers(images(data, step, 4))]
    for epoch in range(6):
        order = torch.randperm(COUNT, generator=rng(0, "epoch", epoch)).tolist()
        assert seen[epoch * COUNT : (epoch + 1) * COUNT] == order
    assert len(data._epochs) <= EPOCHS_KEPT


def test_another_seed_shows_another_order(folder):
    assert numbers(images(opened(folder), 0, 10)) != numbers(images(opened(folder, seed=1), 0, 10))


def test_half_batches_are_the_halves_of_the_whole(folder):
    whole, halves = opened(folder, random_flip=True), opened(folder, random_flip=True)
    for step in range(4):
        parts = [images(halves, step, 6, rows) for rows in (slice(0, 3), slice(3, 6))]
        assert torch.equal(images(whole, step, 6), torch.cat(parts))


def test_a_resumed_run_goes_on_with_the_same_images(folder):
    straight = opened(folder, random_flip=True)
    expected = [images(straight, step) for step in range(8)]
    resumed = opened(folder, random_flip=True)
    for step in range(5, 8):
        assert torch.equal(images(resumed, step), expected[step])


@pytest.mark.parametrize("total", [3, 25])
def test_working_ahead_changes_nothing(folder, total):
    ahead = opened(folder, dataloader_num_workers=3, random_flip=True)
    on_the_spot = opened(folder, dataloader_num_workers=0, random_flip=True)
    for step in (0, 1, 2, 2, 1, 7):
        assert torch.equal(images(ahead, step, total), images(on_the_spot, step, total))


def test_each_image_of_a_step_is_decoded_once_and_early(folder):
    data = opened(folder, dataloader_num_workers=0)
    asked = []
    read = data._decode.source.read
    data._decode.source.read = lambda index: asked.append(index) or read(index)
    for rows in (slice(0, 2), slice(2, 4)) * 2:  # the loss in two micro-batches, then R1
        images(data, 0, 4, rows)
    assert len(asked) == 4
    ahead = opened(folder, dataloader_num_workers=1)
    images(ahead, 0, 4, slice(2, 4))
    assert sorted(ahead._pending) == [2, 3, 6, 7]
    images(ahead, 1, 4, slice(2, 4))
    assert sorted(ahead._pending) == [6, 7, 10, 11]


def test_random_flips_exchange_left_and_right_of_some(folder):
    plain, mirrored = opened(folder), opened(folder, random_flip=True)
    turned = []
    for step in range(10):
        for a, b in zip(images(plain, step), images(mirrored, step), strict=True):
            turned.append(not torch.equal(a, b))
            assert torch.equal(a.flip(-1) if turned[-1] else a, b)
    assert 10 <= sum(turned) <= 30


def test_a_zip_shows_what_its_folder_shows(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png"), reverse=True):
            archive.write(path, path.relative_to(folder))
    packed, plain = opened(tmp_path / "data.zip", classes=2), opened(folder, classes=2)
    for step in range(3):
        for a, b in zip(packed.batch(step, 8, slice(0, 8)), plain.batch(step, 8, slice(0, 8)), strict=True):
            assert torch.equal(a, b)
    assert packed.description == f"10 images of {tmp_path / 'data.zip'}"


def test_labels_come_as_rows_in_the_order_of_the_images(folder):
    batch, labels = opened(folder, classes=2).batch(1, 4, slice(1, 4))
    assert labels.tolist() == [[1.0, 0.0] if number < 4 else [0.0, 1.0] for number in numbers(batch)]
    assert opened(folder).batch(1, 4, slice(1, 4))[1] is None


def test_a_listing_in_the_root_gives_the_labels(folder):
    rows = [[path.relative_to(folder).as_posix(), int(path.stem) % 3] for path in folder.rglob("*.png")]
    (folder / "dataset.json").write_text(str({"labels": rows}).replace("'", '"'))
    batch, labels = opened(folder, classes=3).batch(0, 10, slice(0, 10))
    assert labels.argmax(dim=1).tolist() == [number % 3 for number in numbers(batch)]


def test_classes_that_do_not_fit_are_refused_at_once(folder):
    with pytest.raises(ValueError, match="has 2 classes, but the generator has 5"):
        opened(folder, classes=5)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("content", [b"", b"no image", picture(0)[:60]], ids=["empty", "text", "cut"])
def test_a_broken_file_is_named(folder, workers, content):
    broken = folder / "second" / "7.png"
    broken.write_bytes(content)
    data = opened(folder, dataloader_num_workers=workers)
    with pytest.raises(ValueError, match=r"7.png cannot be read as an image .*; repair or remove it") as caught:
        images(data, 0, 10)
    assert str(broken) in str(caught.value)


def test_a_file_that_vanishes_is_named(folder):
    data = opened(folder)
    (folder / "first" / "2.png").unlink()
    with pytest.raises(ValueError, match=r"2.png cannot be read .*FileNotFoundError"):
        images(data, 0, 10)


def test_generators_of_other_channels_are_refused(folder):
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels .* the generator has 2"):
        open_real_images(str(folder), tiny_stylegan2(image_channels=2), 0, CPU, DataConfig())


def test_a_negative_number_of_workers_is_refused():
    with pytest.raises(ValueError, match="dataloader_num_workers"):
        DataConfig(dataloader_num_workers=-1)


@pytest.mark.parametrize("workers", [0, 3])
def test_threads_are_as_many_as_asked_for_and_end_with_the_images(folder, workers):
    before = set(threading.enumerate())
    data = opened(folder, dataloader_num_workers=workers)
    images(data, 0, 10)
    started = set(threading.enumerate()) - before
    assert len(started) <= workers
    assert bool(started) is bool(workers)
    del data
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()


def test_what_is_still_queued_is_cancelled_with_the_images(folder):
    data, release = opened(folder, dataloader_num_workers=1), threading.Event()
    data._decode = lambda *_: release.wait(20)
    queued = [data._submit(number) for number in range(5)]
    del data
    release.set()
    wait(queued, 20)
    assert [future.cancelled() for future in queued[1:]] == [True] * 4
