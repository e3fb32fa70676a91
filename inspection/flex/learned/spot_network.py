"""The spot network: how a departure from the golden board must look to be worth a person's glance.

A small U-Net over the *residuals* of a board (standard deviations and grey levels) with the golden board and the
context surprise beside them. It never sees the board itself, so what it learns from simulated defects on good boards
is contrast and shape against the noise of that very position, not the product.
"""

import torch
from torch import Tensor, nn

IMAGE_CHANNELS = 7
COARSE_CHANNELS = 2
WIDTHS = (16, 32, 48)


def _conv(inside: int, outside: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class SpotNetwork(nn.Module):
    """Map ``image`` (n, 7, H, W) and ``coarse`` (n, 2, H/4, W/4) to logits (n, 1, H/2, W/2); H, W multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth = WIDTHS
        self.stem = _conv(IMAGE_CHANNELS, half, kernel=5, stride=2)
        self.at_half = _conv(half, half)
        self.to_quarter = _conv(half, quarter, stride=2)
        self.at_quarter = _conv(quarter + COARSE_CHANNELS, quarter)
        self.to_eighth = _conv(quarter, eighth, stride=2)
        self.at_eighth = nn.Sequential(_conv(eighth, eighth), _conv(eighth, eighth, dilation=2), _conv(eighth, eighth))
        self.up_quarter = nn.Sequential(nn.Conv2d(eighth, quarter, 1), nn.Upsample(scale_factor=2.0, mode="nearest"))
        self.merge_quarter = _conv(quarter, quarter)
        self.up_half = nn.Sequential(nn.Conv2d(quarter, half, 1), nn.Upsample(scale_factor=2.0, mode="nearest"))
        self.merge_half = _conv(half, half)
        self.head = nn.Conv2d(half, 1, 1)
        nn.init.constant_(self.head.bias, -4.0)  # type: ignore[arg-type]  # a defect pixel is rare

    def forward(self, image: Tensor, coarse: Tensor) -> Tensor:
        half = self.at_half(self.stem(image))
        quarter = self.at_quarter(torch.cat([self.to_quarter(half), coarse], dim=1))
        eighth = self.at_eighth(self.to_eighth(quarter))
        quarter = self.merge_quarter(quarter + self.up_quarter(eighth))
        logits: Tensor = self.head(self.merge_half(half + self.up_half(quarter)))
        return logits
