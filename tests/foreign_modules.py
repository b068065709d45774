"""Generators of people who have their own code: modules of torch, and the same network as an ONNX file."""

from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn


class Painter(nn.Module):
    """From 8 numbers to 16 x 16 pixels, with the layers that small generators are made of."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.fc = nn.Linear(8, 4 * 4 * 8)
            norm = nn.BatchNorm2d(8)
            nn.init.normal_(norm.get_buffer("running_mean"))
            self.main = nn.Sequential(
                nn.ConvTranspose2d(8, 8, 4, 2, 1, bias=False),
                norm,
                nn.ReLU(),
                nn.Upsample(scale_factor=2),
                nn.Conv2d(8, 4, 3, 1, 1),
                nn.InstanceNorm2d(4, affine=True),
                nn.LeakyReLU(0.2),
                nn.Conv2d(4, 3, 3, 1, 1),
                nn.Tanh(),
            )
        self.eval()

    def forward(self, z: Tensor) -> Tensor:
        return self.main(self.fc(z).view(-1, 8, 4, 4))


class OfClasses(nn.Module):
    """A painter of 3 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.painter, self.classes = Painter(), nn.Linear(3, 8)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.painter(z + self.classes(labels))


def as_onnx(painter: Painter, path: Path, batch: int | None = 1, **changes: object) -> Path:
    """The painter's file, as exporters write it: a fixed batch in the shapes, or none.

    Args:
        changes: `operator` replaces the last activation, `external` puts a weight elsewhere.
    """
    state = {name: value for name, value in painter.state_dict().items() if value.is_floating_point()}
    constants = [numpy_helper.from_array(value.numpy(), name) for name, value in state.items()]
    constants.append(numpy_helper.from_array(np.array([batch or -1, 8, 4, 4]), "shape"))
    constants.append(numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales"))
    if "external" in changes:
        constants[0].data_location = TensorProto.EXTERNAL
        constants[0].external_data.add(key="location", value="/etc/hostname")
    statistics = [f"main.1.{name}" for name in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        helper.make_node("Gemm", ["z", "fc.weight", "fc.bias"], ["a"], transB=1),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("ConvTranspose", ["b", "main.0.weight"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", *statistics], ["d"]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Resize", ["e", "", "scales"], ["f"], mode="nearest"),
        helper.make_node("Conv", ["f", "main.4.weight", "main.4.bias"], ["g"], pads=[1, 1, 1, 1]),
        helper.make_node("InstanceNormalization", ["g", "main.5.weight", "main.5.bias"], ["h"]),
        helper.make_node("LeakyRelu", ["h"], ["i"], alpha=0.2),
        helper.make_node("Conv", ["i", "main.7.weight", "main.7.bias"], ["j"], pads=[1, 1, 1, 1]),
        helper.make_node(str(changes.get("operator", "Tanh")), ["j"], ["image"]),
    ]
    first = batch or "batch"
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, [first, 8])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [first, 3, 16, 16])
    model = helper.make_model(helper.make_graph(nodes, "painter", [z], [image], constants), producer_name="someone")
    path.write_bytes(model.SerializeToString())
    return path
