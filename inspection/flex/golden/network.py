"""A small fully convolutional centre-point detector (CenterNet: Zhou et al., arXiv 1904.07850) at stride 4."""

import torch
from torch import Tensor, nn

from inspection.flex.golden.channels import CHANNELS
from inspection.flex.golden.decoding import STRIDE
from inspection.flex.golden.pairs import CAUSES

_CENTRE_PRIOR = 0.01


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class CentreNetwork(nn.Module):
    """Strides 2 to 16 down, back up to 4 by addition; heads: class centre logits and box distances.

    Input (N, 4, H, W) float 0 to 1 with H and W multiples of 16. Output (N, 10, H/4, W/4): six class logits, then the
    distances in units of the stride from the cell centre to the left, top, right and bottom side (log scale).
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(CHANNELS, width // 2, 2), _convolution(width // 2, width, 2))
        self.fine = nn.Sequential(_Residual(width), _Residual(width))
        self.middle = nn.Sequential(_convolution(width, 64, 2), _Residual(64), _Residual(64))
        self.coarse = nn.Sequential(_convolution(64, 96, 2), _Residual(96))
        self.to_middle = nn.Conv2d(96, 64, 1)
        self.merge_middle = _convolution(64, 64)
        self.to_fine = nn.Conv2d(64, width, 1)
        self.merge_fine = _convolution(width, width)
        self.head = nn.Sequential(_convolution(width, 64), nn.Conv2d(64, len(CAUSES) + 4, 1))
        last = self.head[1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        with torch.no_grad():
            prior = torch.tensor(_CENTRE_PRIOR)
            last.bias[: len(CAUSES)] = torch.log(prior / (1 - prior))
            last.bias[len(CAUSES) :] = 1.4

    def forward(self, x: Tensor) -> Tensor:
        """Return the raw head map."""
        fine = self.fine(self.stem(x))
        middle = self.middle(fine)
        coarse = self.to_middle(self.coarse(middle))
        middle = self.merge_middle(middle + nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        up = nn.functional.interpolate(self.to_fine(middle), scale_factor=2.0, mode="nearest")
        heads: Tensor = self.head(self.merge_fine(fine + up))
        return heads


def heat_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss of CenterNet (arXiv 1904.07850, eq. 1), per defect; all maps (N, 6, h, w)."""
    centre = heat.eq(1.0).float()
    probability = logits.sigmoid()
    hit = centre * (1 - probability).square() * nn.functional.logsigmoid(logits)
    miss = (1 - centre) * (1 - heat).pow(4) * probability.square() * nn.functional.logsigmoid(-logits)
    return -((hit + miss) * weight).sum() / centre.sum().clamp(min=1.0)


def decode_boxes(sides: Tensor) -> Tensor:
    """Turn log distances (N, 4, h, w) into boxes x1 y1 x2 y2 in input pixels, at every cell."""
    rows = torch.arange(sides.shape[2], device=sides.device) * STRIDE + (STRIDE - 1) / 2
    columns = torch.arange(sides.shape[3], device=sides.device) * STRIDE + (STRIDE - 1) / 2
    distance = sides.clamp(-4.0, 6.0).exp() * STRIDE
    x, y = columns[None, None, :], rows[None, :, None]
    return torch.stack([x - distance[:, 0], y - distance[:, 1], x + distance[:, 2], y + distance[:, 3]], dim=1)


def box_loss(sides: Tensor, boxes: Tensor, weight: Tensor) -> Tensor:
    """Generalised IoU loss (Rezatofighi et al., arXiv 1902.09630) of the cells with weight (N, 1, h, w)."""
    chosen = weight[:, 0] > 0
    if not bool(chosen.any()):
        return sides.sum() * 0.0
    found, wanted = (b.permute(0, 2, 3, 1)[chosen] for b in (decode_boxes(sides), boxes))
    shared = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp(min=0)
    around = torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])
    area = (found[:, 2:] - found[:, :2]).prod(1) + (wanted[:, 2:] - wanted[:, :2]).prod(1)
    common = shared.prod(1)
    union = area - common
    hull = around.prod(1)
    loss = 1 - common / union + (hull - union) / hull
    cell_weight = weight[:, 0][chosen]
    return (loss * cell_weight).sum() / cell_weight.sum()
