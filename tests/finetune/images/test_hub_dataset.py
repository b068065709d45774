import importlib.util
import sys
from types import SimpleNamespace

import pytest

from orojar_finetune.config import DataConfig
from orojar_finetune.images.hub_dataset import HubDataset
from orojar_finetune.images.opening import find_source


class Image:
    def __init__(self, decode=True):
        self.decode = decode


class ClassLabel:
    def __init__(self, num_classes):
        self.num_classes = num_classes


class Table:
    """The part of `datasets.Dataset` that is used, over a dict of columns."""

    def __init__(self, columns, features):
        self.columns, self.features = columns, features

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key):
        return {name: values[key] for name, values in self.columns.items()}

    def select_columns(self, names):
        return Table({n: self.columns[n] for n in names}, {n: self.features[n] for n in names})

    def cast_column(self, name, feature):
        assert not feature.decode
        return Table(self.columns, {**self.features, name: feature})


@pytest.fixture
def table(monkeypatch, tmp_path):
    """What `load_dataset` gives: tests change it."""
    (tmp_path / "b.png").write_bytes(b"on disk")
    columns = {
        "text": ["x", "y", "z"],
        "mask": [{"bytes": b"m", "path": None}] * 3,
        "picture": [
            {"bytes": b"0", "path": "a.png"},
            {"bytes": None, "path": str(tmp_path / "b.png")},
            {"bytes": b"2", "path": None},
        ],
        "label": [1, 0, 1],
    }
    found = Table(columns, {"text": "string", "mask": Image(), "picture": Image(), "label": ClassLabel(2)})

    def load_dataset(name, split):
        if (name, split) != ("someone/things", "train"):
            raise FileNotFoundError(f"no {name} {split}")
        return found

    fake = SimpleNamespace(load_dataset=load_dataset, Image=Image, ClassLabel=ClassLabel)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    return found


def test_the_first_column_of_images_is_taken_or_the_named_one(table):
    first, named = HubDataset("someone/things", "train"), HubDataset("someone/things", "train", "picture")
    assert [first.read(i) for i in range(len(first))] == [b"m"] * 3
    assert [named.read(i) for i in range(len(named))] == [b"0", b"on disk", b"2"]
    assert named.name(2) == "row 2 of someone/things (train)"


def test_names_on_the_hub_are_known_by_their_shape_unless_a_path_is_called_so(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for data in ("someone/things", "hub:someone/things"):
        assert isinstance(find_source(data, DataConfig()), HubDataset)
    (tmp_path / "someone/things").mkdir(parents=True)
    assert isinstance(find_source("hub:someone/things", DataConfig()), HubDataset)
    with pytest.raises(ValueError, match="there are no images in someone/things"):
        find_source("someone/things", DataConfig())


def test_labels_are_the_column_of_that_name(table):
    assert HubDataset("someone/things", "train").labels(2).tolist() == [1, 0, 1]
    table.features["label"] = "int64"
    assert HubDataset("someone/things", "train").labels(2).tolist() == [1, 0, 1]
    table.columns["label"] = ["dog", "cat", "dog"]
    assert HubDataset("someone/things", "train").labels(2).tolist() == [1, 0, 1]


def test_classes_without_an_image_count_where_the_data_set_knows_them(table):
    table.features["label"] = ClassLabel(5)
    assert HubDataset("someone/things", "train").labels(5).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([1, 0, 1], 3, r"someone/things \(train\) has 2 classes, but the generator has 3"),
        ([1, 0, -1], 2, "class indices start at 0, got -1"),
        ([1, None, 1], 2, "the column 'label' must hold class indices"),
        ([0.5, 0.1, 1.0], 2, "the column 'label' must hold class indices"),
    ],
)
def test_labels_that_do_not_do_say_why(table, labels, classes, message):
    table.columns["label"] = labels
    with pytest.raises(ValueError, match=message):
        HubDataset("someone/things", "train").labels(classes)


def test_missing_labels_say_which_columns_there_are(table):
    del table.columns["label"], table.features["label"]
    with pytest.raises(
        ValueError, match="has no column 'label', but the generator has 2 classes; its columns: text, mask, picture"
    ):
        HubDataset("someone/things", "train").labels(2)


def test_missing_columns_and_splits_say_what_there_is(table):
    with pytest.raises(ValueError, match="has no image column 'text'; image columns: mask, picture, all columns: text, ma"):
        HubDataset("someone/things", "train", "text")
    with pytest.raises(
        ValueError,
        match=r"the split 'test' of 'someone/things' .*no someone.*folder or zip file",
    ):
        HubDataset("someone/things", "test")
    for name in ("mask", "picture"):
        table.features[name] = "string"
    with pytest.raises(ValueError, match="has no image column; image columns: none"):
        HubDataset("someone/things", "train")


def test_an_empty_split_says_so(table):
    table.columns = {name: [] for name in table.columns}
    with pytest.raises(ValueError, match=r"there are no images in someone/things \(train\)"):
        HubDataset("someone/things", "train")


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'orojar-finetune\[datasets\]'"):
        HubDataset("someone/things", "train")


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the package datasets is an extra")
def test_the_real_package_has_the_calls_that_are_used(tmp_path, monkeypatch):
    import datasets

    (tmp_path / "a.png").write_bytes(b"a")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["x", "y"])})
    images = [{"bytes": b"0", "path": None}, {"bytes": None, "path": str(tmp_path / "a.png")}]
    data = datasets.Dataset.from_dict({"image": images, "label": [1, 0]}, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: data)
    source = HubDataset("someone/things", "train")
    assert [source.read(i) for i in range(len(source))] == [b"0", b"a"]
    assert source.labels(2).tolist() == [1, 0]
