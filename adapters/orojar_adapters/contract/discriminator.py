"""The contract that every discriminator keeps."""

from abc import ABC, abstractmethod

from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor


class Discriminator(ModelMixin, ConfigMixin, ABC):
    """A network that gives one number for each image, higher for real ones.

    Attributes:
        num_classes: width of the label, 0 for unconditional discriminators.
    """

    config_name = "config.json"
    num_classes: int

    @abstractmethod
    def forward(
        self,
        images: Float[Tensor, "batch channels height width"],
        labels: Float[Tensor, "batch classes"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Returns logits of images in [-1, 1], higher for real ones.

        Args:
            labels: rows of label values; required for conditional discriminators, refused by the others.
        """
