"""Generators of people who have their own code: modules of torch."""

import torch
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
