"""The classifier's network: about 290 000 parameters, small enough to learn in minutes on one core."""

import torch
from torch import Tensor, nn


class RegionClassifier(nn.Module):
    """Board and golden crop in, one logit per class out.

    The crops come as bytes; what the network sees is made here, so that training and ONNX agree: the pictures
    at about unit size, their difference as a log ratio (reflectance is multiplicative), pads, box and scale.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            _stage(12, 24, 5, 2), _stage(24, 48, 3, 2), _Residual(48), _stage(48, 96, 3, 2), _Residual(96)
        )
        self.head = nn.Sequential(nn.Linear(2 * 96 + 1, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, classes))

    def forward(self, crops: Tensor, scale: Tensor) -> Tensor:
        """Return logits (N, classes) of crops (N, 8, 64, 64) uint8 and scale (N, 1) float32."""
        return self.judge(self.features(prepare(crops, scale)), scale)

    def features(self, planes: Tensor) -> Tensor:
        """Return the features (N, 192) of prepared planes (N, 12, 64, 64) float32."""
        seen: Tensor = self.stages(planes)
        return torch.cat((seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))), dim=1)

    def judge(self, features: Tensor, scale: Tensor) -> Tensor:
        """Return logits (N, classes) of features and scale."""
        logits: Tensor = self.head(torch.cat((features, scale), dim=1))
        return logits


def prepare(crops: Tensor, scale: Tensor) -> Tensor:
    """Return the (N, 12, 64, 64) float32 planes that the network sees."""
    values = crops.to(torch.float32)
    board, golden = values[:, 0:3], values[:, 3:6]
    ratio = 3.0 * (torch.log(board + 10.0) - torch.log(golden + 10.0))
    wide = scale[:, :, None, None].expand(-1, 1, values.shape[2], values.shape[3])
    return torch.cat((board / 100.0 - 1.0, golden / 100.0 - 1.0, ratio, values[:, 6:8] / 255.0, wide), dim=1)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.inner(x))


def _stage(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Guarded(nn.Module):
    """What is exported: logits divided by the calibrated temperature, and doubt about what is like no class.

    A crop whose features lie farther than ``limit`` (Mahalanobis distance squared, Lee et al. 2018) from every known
    class has its "unknown" logit raised above all others together; below nine tenths of the limit nothing changes.

    Parameters
    ----------
    whitening
        (192, 192): its product with its transpose is the inverse of the pooled covariance within the classes.
    centres
        (known classes, 192): their mean features.
    """

    whitening: Tensor
    centres: Tensor

    def __init__(self, network: RegionClassifier, temperature: float, whitening: Tensor, centres: Tensor) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature
        self.limit = float("inf")
        self.register_buffer("whitening", whitening)
        self.register_buffer("centres", centres @ whitening)

    def forward(self, crops: Tensor, scale: Tensor) -> Tensor:
        """Return guarded logits (N, classes); inputs as for `RegionClassifier`."""
        features = self.network.features(prepare(crops, scale))
        logits = self.network.judge(features, scale) / self.temperature
        known = torch.logsumexp(logits[:, :-1], dim=1, keepdim=True)
        doubt = known + 30.0 * (self.distance(features) / self.limit - 1.0)
        return torch.cat((logits[:, :-1], torch.maximum(logits[:, -1:], doubt)), dim=1)

    def distance(self, features: Tensor) -> Tensor:
        """Return the squared distance (N, 1) to the nearest class."""
        spread = features @ self.whitening
        squares = (spread * spread).sum(dim=1, keepdim=True) + (self.centres * self.centres).sum(dim=1)
        apart = squares - 2.0 * spread @ self.centres.T
        return apart.min(dim=1, keepdim=True).values
