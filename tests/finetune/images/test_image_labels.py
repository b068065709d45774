import json

import pytest
import torch

from orojar_finetune.images.image_labels import labels_of_files

NAMES = ["a/1.png", "b/2.png", "b/3.png"]


def listing(*labels):
    return json.dumps({"labels": [[name, label] for name, label in zip(NAMES, labels, strict=False)]}).encode()


def test_subfolders_are_classes_in_the_order_of_their_names():
    assert labels_of_files(NAMES, None, 2, "data").tolist() == [0, 1, 1]


def test_deeper_folders_count_for_their_first_level():
    assert labels_of_files(["b/x/1.png", "a/x/2.png", "b/3.png"], None, 2, "data").tolist() == [1, 0, 1]


def test_a_listing_wins_over_subfolders():
    assert labels_of_files(NAMES, listing(2, 0, 1), 3, "data").tolist() == [2, 0, 1]


def test_a_listing_may_hold_rows_of_values():
    labels = labels_of_files(NAMES, listing([1, 0], [0, 1], [0.5, 0.5]), 2, "data")
    torch.testing.assert_close(labels, torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))


def test_a_listing_without_labels_leaves_it_to_the_subfolders():
    for nothing in (b'{"labels": null}', b"{}"):
        assert labels_of_files(NAMES, nothing, 2, "data").tolist() == [0, 1, 1]


def test_a_listing_written_on_windows_is_understood():
    content = json.dumps({"labels": [[name.replace("/", "\\"), 1 - i % 2] for i, name in enumerate(NAMES)]})
    assert labels_of_files(NAMES, content.encode(), 2, "data").tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "data: dataset.json cannot be parsed"),
        (b"[]", "data: dataset.json cannot be parsed"),
        (b'{"labels": [1, 2]}', "data: dataset.json cannot be parsed"),
        (b"\xff\xfe\xfa", "data: dataset.json cannot be parsed"),
        (listing(0), "data: b/2.png and 1 more are not in dataset.json; list every image"),
        (listing(0, 1), "data: b/3.png is not in dataset.json; list every image"),
        (listing(0, 1, "cat"), "labels in dataset.json are not numbers or differ"),
        (listing(0, 1, [1, 0]), "labels in dataset.json are not numbers or differ"),
        (listing(0, 1, 0.5), "labels in dataset.json must be whole numbers or rows"),
        (listing(0, 1, -1), "data: class indices start at 0, got -1"),
        (listing(0, 1, 2), "data has 3 classes, but the generator has 2; give data with exactly 2"),
        (listing([0], [0], [1]), "data has 1 classes, but the generator has 2"),
    ],
)
def test_listings_that_do_not_do_say_why(content, message):
    with pytest.raises(ValueError, match=message):
        labels_of_files(NAMES, content, 2, "data")


def test_subfolders_that_do_not_do_say_why():
    with pytest.raises(ValueError, match=r"data \(subfolders: a, b\) has 2 classes, but the generator has 3"):
        labels_of_files(NAMES, None, 3, "data")
    with pytest.raises(ValueError, match=r"data: 0.png and 1 more are in no subfolder .* dataset.json"):
        labels_of_files(["0.png", "00.png", *NAMES], None, 2, "data")


def test_subfolders_that_are_numbers_are_class_indices():
    names = [f"{number}/a.png" for number in range(12)]
    assert labels_of_files(names, None, 12, "data").tolist() == list(range(12))
    assert labels_of_files(["00/a.png", "02/a.png", "01/a.png"], None, 3, "data").tolist() == [0, 2, 1]
    assert labels_of_files(["2/a.png", "0/a.png"], None, 3, "data").tolist() == [2, 0]  # none of class 1
    with pytest.raises(ValueError, match=r"data \(subfolders: 1, 2, 3\) has 4 classes, but the generator has 3"):
        labels_of_files(["1/a.png", "3/a.png", "2/a.png"], None, 3, "data")
    with pytest.raises(ValueError, match="01, 1 are the same number"):
        labels_of_files(["1/a.png", "01/a.png"], None, 2, "data")
