"""Images of a dataset on the Hub, through the package `datasets`."""

import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from orojar_adapters.contract.generator import Labels
from orojar_finetune.images.image_files import ImageSource
from orojar_finetune.images.image_labels import numbered, with_classes

LABEL = "label"
INSTALL = "pip install 'orojar-finetune[datasets]'"
ON_DISK = "for images on this disk, type a folder or zip file that exists"


class HubDataset(ImageSource):
    """One image column of one split, downloaded once into the Hub's cache.

    Args:
        repo: `user/dataset`.
        split: such as `train`.
        column: the image column; None takes the first one.

    Raises:
        ValueError: the package, the dataset, the split or the column is missing.
    """

    def __init__(self, repo: str, split: str, column: str | None = None) -> None:
        self.where = f"{repo} ({split})"
        try:
            datasets: Any = import_module("datasets")
        except ImportError as e:
            raise ValueError(f"data: reading {repo!r} from the Hub needs {INSTALL}; {ON_DISK}") from e
        try:
            data = datasets.load_dataset(repo, split=split)
        except Exception as e:  # of requests, files, formats, scripts: any kind
            text = f"data: cannot load the split {split!r} of {repo!r} from the Hub ({type(e).__name__}: {e})"
            raise ValueError(f"{text}; {ON_DISK}") from e
        columns = [name for name, feature in data.features.items() if isinstance(feature, datasets.Image)]
        column = column or next(iter(columns), None)
        if column is None or column not in columns:
            raise ValueError(
                f"image_column: {self.where} has no image column{f' {column!r}' if column else ''}; "
                f"image columns: {', '.join(columns) or 'none'}, all columns: {', '.join(data.features)}"
            )
        if not len(data):
            raise ValueError(f"data: there are no images in {self.where}")
        self._data, self._column, self._class_label = data, column, datasets.ClassLabel
        self._files = data.select_columns([column]).cast_column(column, datasets.Image(decode=False))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        return f"row {index} of {self.where}"

    def read(self, index: int) -> bytes:
        with self._lock:
            file = self._files[index][self._column]
        return Path(file["path"]).read_bytes() if file["bytes"] is None else file["bytes"]

    def labels(self, classes: int) -> Labels:
        """Returns the column `label`: class indices, or names, which are numbers or numbered alphabetically."""
        if LABEL not in self._data.features:
            raise ValueError(
                f"{self.where} has no column {LABEL!r}, but the generator has {classes} classes; "
                f"its columns: {', '.join(self._data.features)}"
            )
        feature, values = self._data.features[LABEL], self._data.select_columns([LABEL])[:][LABEL]
        if all(isinstance(value, str) for value in values):
            numbers = numbered(values, self.where)
            found = torch.tensor([numbers[value] for value in values])
            return with_classes(found, max(numbers.values()) + 1, classes, self.where)
        if not all(isinstance(value, int) for value in values):
            raise ValueError(f"{self.where}: the column {LABEL!r} must hold class indices or names, got {feature}")
        labels = torch.tensor(values)
        known = isinstance(feature, self._class_label)
        return with_classes(labels, feature.num_classes if known else int(labels.max()) + 1, classes, self.where)
