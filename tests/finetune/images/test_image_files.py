import os
import re
import zipfile

import pytest

from orojar_finetune.config import DataConfig
from orojar_finetune.images.image_files import LARGEST, Folder, Zip
from orojar_finetune.images.opening import find_source

FILES = {"b.png": b"b", "a/2.JPG": b"a2", "a/10.webp": b"a10", "a b/ü.bmp": b"u", "notes.txt": b"-"}
ORDER = ["a b/ü.bmp", "a/10.webp", "a/2.JPG", "b.png"]


def folder_of(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def zip_of(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def read_all(source):
    return [source.read(i) for i in range(len(source))]


def test_a_folder_gives_its_images_in_the_order_of_their_names(tmp_path):
    source = Folder(folder_of(tmp_path, FILES))
    assert source.names == ORDER
    assert read_all(source) == [FILES[name] for name in ORDER]
    assert source.name(3) == str(tmp_path / "b.png")


def test_a_zip_gives_what_the_folder_gives(tmp_path):
    source = Zip(zip_of(tmp_path / "x.zip", FILES))
    assert source.names == ORDER
    assert read_all(source) == [FILES[name] for name in ORDER]
    assert source.name(3) == f"b.png in {tmp_path / 'x.zip'}"


def test_a_folder_around_everything_in_a_zip_does_not_count(tmp_path):
    source = Zip(zip_of(tmp_path / "x.zip", {f"mine/{name}": content for name, content in FILES.items()} | {"README": b""}))
    assert source.names == ORDER
    assert read_all(source) == [FILES[name] for name in ORDER]


def test_the_listing_is_looked_for_beside_the_images(tmp_path):
    files = {"a.png": b"", "b.png": b"", "dataset.json": b'{"labels": [["a.png", 1], ["b.png", 0]]}'}
    inside = {f"mine/{name}": content for name, content in files.items()}
    sources = [Folder(folder_of(tmp_path / "f", files)), Zip(zip_of(tmp_path / "x.zip", files))]
    for source in (*sources, Zip(zip_of(tmp_path / "y.zip", inside))):
        assert source.labels(2).tolist() == [1, 0]


def test_hidden_files_do_not_count(tmp_path):
    hidden = {"._b.png": b"", ".thumbs/b.png": b"", "__MACOSX/a.png": b"", "a/.c.png": b""}
    assert Folder(folder_of(tmp_path / "f", FILES | hidden)).names == ORDER
    assert Zip(zip_of(tmp_path / "x.zip", FILES | hidden)).names == ORDER


def test_a_zip_with_odd_entries_is_read_and_nothing_is_unpacked(tmp_path):
    odd = {"../up.png": b"up", "/root.png": b"root", "back\\slash.png": b"back", "empty.png/": b""}
    source = Zip(zip_of(tmp_path / "x.zip", FILES | odd))
    assert set(source.names) == {*ORDER, "back/slash.png", "/root.png"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_an_entry_that_would_fill_the_memory_is_refused(tmp_path):
    source = Zip(zip_of(tmp_path / "x.zip", FILES))
    source._entries[0].file_size = LARGEST + 1
    with pytest.raises(ValueError, match="it would unpack to 1,073,741,825 bytes"):
        source.read(0)


def test_a_zip_with_a_password_says_what_to_do(tmp_path):
    content = bytearray(zip_of(tmp_path / "x.zip", {"a.png": b"a"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ValueError, match="protected by a password; unpack it and give the folder"):
        Zip(tmp_path / "x.zip")


def test_a_damaged_listing_in_a_zip_is_named(tmp_path):
    path = zip_of(tmp_path / "x.zip", {"a.png": b"a", "dataset.json": b'{"labels": 1}'})
    path.write_bytes(path.read_bytes().replace(b'{"labels": 1}', b'{"labels": 2}'))
    with pytest.raises(ValueError, match=r"dataset.json cannot be read .BadZipFile: Bad CRC"):
        Zip(path).labels(2)


def test_links_are_followed_but_not_in_circles(tmp_path):
    folder_of(tmp_path / "elsewhere", {"x.png": b"x"})
    root = folder_of(tmp_path / "f", {"a/1.png": b"1"})
    (root / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    assert Folder(root).names == ["a/1.png", "b/x.png"]


def test_places_without_images_say_so(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "notes.txt").write_text("")
    zip_of(tmp_path / "x.zip", {"notes.txt": b""})
    for name in ("f", "x.zip"):
        with pytest.raises(
            ValueError, match=f"there are no images in {re.escape(str(tmp_path / name))}; expected files ending"
        ):
            find_source(str(tmp_path / name), DataConfig())


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_that_must_not_be_read_says_so(tmp_path):
    locked = folder_of(tmp_path, {"a.png": b"", "locked/b.png": b""}) / "locked"
    locked.chmod(0)
    try:
        with pytest.raises(ValueError, match=r"cannot be read .*Permission denied"):
            Folder(tmp_path)
    finally:
        locked.chmod(0o700)


def test_files_that_are_no_zip_say_so(tmp_path):
    whole = zip_of(tmp_path / "x.zip", FILES).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a.png").write_bytes(b"x")
    for name in ("cut.zip", "a.png"):
        with pytest.raises(ValueError, match=f"{name} is neither a folder nor a readable zip file"):
            find_source(str(tmp_path / name), DataConfig())
