"""The mapping network of genforce's StyleGAN and StyleGAN2, whose names they share."""

from typing import Any

from torch import Tensor

from orojar_adapters.contract.errors import CheckpointError
from orojar_adapters.readers.checkpoint import count_of
from orojar_adapters.readers.state_dict import StateDict


def mapping(old: StateDict, bias_gain: float = 1.0) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Its tensors in our names, and the arguments of a family that their shapes tell.

    Args:
        bias_gain: what biases are multiplied by, where theirs come behind the gain and ours before it.

    Raises:
        CheckpointError: no layers, or one w for each layer of the synthesis.
    """
    depth, w_size = count_of(old.records, "mapping.dense{}.weight"), old.get("synthesis.layer0.style.weight", 2).shape[1]
    width, latent_size = old.get("mapping.dense0.weight", 2).shape
    average = old.take("truncation.w_avg", 1)
    if len(average) != w_size:
        raise CheckpointError(
            f"its mapping makes {len(average)} values for styles of {w_size}, one w for all layers is expected"
        )
    new = {"mapping.w_avg": average}
    for i in range(depth):
        new[f"mapping.fc{i}.weight"] = old.take(f"mapping.dense{i}.weight", 2)
        new[f"mapping.fc{i}.bias"] = old.take(f"mapping.dense{i}.bias", 1) * bias_gain
    return new, {"latent_size": latent_size, "w_size": w_size, "mapping_depth": depth, "mapping_width": width}
