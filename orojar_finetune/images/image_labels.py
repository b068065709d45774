"""Labels of image files: NVlabs' dataset.json, or one subfolder per class, whose name may be the class index."""

import json
from collections.abc import Sequence

import torch

from orojar_adapters.contract.generator import Labels

LISTING = "dataset.json"
EXAMPLE = '{"labels": [["a.png", 0], ["b.png", 1], ...]}'


def labels_of_files(names: Sequence[str], listing: bytes | None, classes: int, where: str) -> Labels:
    """Returns the label of every file: a class index, or a row of values.

    Args:
        names: paths inside the place, with forward slashes.
        listing: the content of the place's dataset.json, if it has one; it wins over subfolders.
        classes: the number of classes that the generator has.
        where: the place, for messages.

    Raises:
        ValueError: the listing is damaged or incomplete, files lie in no subfolder, or the number of classes differs.
    """
    listed = None if listing is None else _listed(names, listing, where)
    if listed is not None:
        return with_classes(listed, int(listed.max()) + 1 if listed.ndim == 1 else listed.shape[1], classes, where)
    loose = [name for name in names if "/" not in name]
    if loose:
        raise ValueError(
            f"{where}: {_few(loose)} in no subfolder and so without a class, but the generator has {classes} classes; "
            f"make one subfolder per class, or a {LISTING} next to the images: {EXAMPLE}"
        )
    folders = [name.split("/", 1)[0] for name in names]
    numbers = numbered(folders, where)
    return with_classes(
        torch.tensor([numbers[folder] for folder in folders]),
        max(numbers.values()) + 1,
        classes,
        f"{where} (subfolders: {', '.join(list(numbers)[:8])})",
    )


def numbered(words: Sequence[str], where: str) -> dict[str, int]:
    """Returns the class index of each name: the number it spells if all names are numbers, else its alphabetical rank.

    Raises:
        ValueError: two names spell one number, such as 1 and 01.
    """
    different = sorted(set(words))
    if not all(word.isdecimal() for word in different):
        return {word: index for index, word in enumerate(different)}
    numbers = {word: int(word) for word in sorted(different, key=int)}
    if len(set(numbers.values())) < len(numbers):
        raise ValueError(f"{where}: some of the classes {', '.join(list(numbers)[:8])} are the same number written in two ways")
    return numbers


def with_classes(labels: Labels, found: int, classes: int, where: str) -> Labels:
    """Returns the labels, if they have as many classes as the generator.

    Raises:
        ValueError: they do not, or a class index is below 0.
    """
    if labels.ndim == 1 and int(labels.min()) < 0:
        raise ValueError(f"{where}: class indices start at 0, got {int(labels.min())}")
    if found != classes:
        raise ValueError(f"{where} has {found} classes, but the generator has {classes}; give data with exactly {classes}")
    return labels


def _listed(names: Sequence[str], listing: bytes, where: str) -> Labels | None:
    """Returns the labels in a listing, or None if it has none, as NVlabs' tool writes it for images without classes."""
    try:
        rows = json.loads(listing).get("labels")
        if rows is None:
            return None
        known = {str(name).replace("\\", "/"): label for name, label in rows}
    except (ValueError, TypeError, AttributeError) as e:
        raise ValueError(f"{where}: {LISTING} cannot be parsed ({e}); expected {EXAMPLE}") from e
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(f"{where}: {_few(missing)} not in {LISTING}; list every image: {EXAMPLE}")
    try:
        labels = torch.tensor([known[name] for name in names])
    except (ValueError, TypeError, RuntimeError) as e:
        raise ValueError(f"{where}: labels in {LISTING} are not numbers or differ in shape ({e}); expected {EXAMPLE}") from e
    if labels.ndim == 2:
        return labels.float()
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise ValueError(f"{where}: labels in {LISTING} must be whole numbers or rows of numbers; expected {EXAMPLE}")
    return labels


def _few(names: Sequence[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more are"
