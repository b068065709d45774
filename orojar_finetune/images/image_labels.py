"""The classes of images: NVlabs' dataset.json, or a subfolder for each, whose name may be the class index."""

import json
from collections.abc import Sequence

import torch

from orojar_adapters.contract.generator import Labels

LISTING = "dataset.json"
EXAMPLE = '{"labels": [["a.png", 0], ["b.png", 1], ...]}'


def labels_of_files(names: Sequence[str], listing: bytes | None, classes: int, where: str) -> Labels:
    """The label of every file: a class index, or a row of values.

    Args:
        names: paths inside the place, with forward slashes.
        listing: the content of the place's dataset.json, if it has one; it wins over subfolders.
        classes: how many the generator has.
        where: the place, for messages.

    Raises:
        ValueError: the listing is damaged or incomplete, files lie in no subfolder, or the classes are not as many.
    """
    listed = None if listing is None else _listed(names, listing, where)
    if listed is not None:
        return with_classes(listed, int(listed.max()) + 1 if listed.ndim == 1 else listed.shape[1], classes, where)
    loose = [name for name in names if "/" not in name]
    if loose:
        raise ValueError(
            f"{where}: {_few(loose)} in no subfolder, so of no class, and the generator has {classes} classes; "
            f"make one subfolder per class or a {LISTING} beside the images: {EXAMPLE}"
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
    """The class index of each word: the number that it is where all are numbers, else its place in the alphabet.

    Raises:
        ValueError: two words for one number, as 1 and 01.
    """
    different = sorted(set(words))
    if not all(word.isdecimal() for word in different):
        return {word: index for index, word in enumerate(different)}
    numbers = {word: int(word) for word in sorted(different, key=int)}
    if len(set(numbers.values())) < len(numbers):
        raise ValueError(f"{where}: of the classes {', '.join(list(numbers)[:8])} some are one number written in two ways")
    return numbers


def with_classes(labels: Labels, found: int, classes: int, where: str) -> Labels:
    """The labels, if they are for as many classes as the generator has.

    Raises:
        ValueError: they are not, or a class index is below 0.
    """
    if labels.ndim == 1 and int(labels.min()) < 0:
        raise ValueError(f"{where}: class indices start at 0, got {int(labels.min())}")
    if found != classes:
        raise ValueError(f"{where} has {found} classes, the generator {classes}; give it data with exactly {classes}")
    return labels


def _listed(names: Sequence[str], listing: bytes, where: str) -> Labels | None:
    """Labels by the listing; None where it has none, as NVlabs' tool writes it for images without classes."""
    try:
        rows = json.loads(listing).get("labels")
        if rows is None:
            return None
        known = {str(name).replace("\\", "/"): label for name, label in rows}
    except (ValueError, TypeError, AttributeError) as e:
        raise ValueError(f"{where}: {LISTING} cannot be understood ({e}); expected {EXAMPLE}") from e
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(f"{where}: {_few(missing)} not in {LISTING}; list every image, as {EXAMPLE}")
    try:
        labels = torch.tensor([known[name] for name in names])
    except (ValueError, TypeError, RuntimeError) as e:
        raise ValueError(f"{where}: the labels in {LISTING} are not alike or no numbers ({e}); expected {EXAMPLE}") from e
    if labels.ndim == 2:
        return labels.float()
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise ValueError(f"{where}: labels in {LISTING} must be whole numbers or rows of numbers; expected {EXAMPLE}")
    return labels


def _few(names: Sequence[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more are"
