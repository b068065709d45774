"""What a place that holds people's images can do."""

from abc import ABC, abstractmethod

from orojar_adapters.contract.generator import Labels


class ImageSource(ABC):
    """Image files by number, read by several threads at once.

    Attributes:
        where: the place, as messages call it.
    """

    where: str

    @abstractmethod
    def __len__(self) -> int:
        """How many, at least one."""

    @abstractmethod
    def name(self, index: int) -> str:
        """One file, as messages call it."""

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The content of one file."""

    @abstractmethod
    def labels(self, classes: int) -> Labels:
        """The label of every image, for a generator of so many classes: class indices, or rows of values.

        Raises:
            ValueError: there are none, or they are for another number of classes.
        """
