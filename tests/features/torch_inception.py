"""The FID variant of InceptionV3 in torch, for comparison: written from the published layer table.

Layers: Szegedy et al. 2016, with 1,008 classes, no auxiliary head, batch normalisation with epsilon
1e-3; averages over pools without the padding; the last block pools by maxima.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel=1, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


def average(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def maximum(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


def halved(x):
    return F.max_pool2d(x, 3, stride=2)


class Block(nn.Module):
    """Units by name, and chains of names whose results are concatenated, "pool" among them."""

    def __init__(self, units, chains, pool):
        super().__init__()
        self.chains, self.pool = chains, pool
        for name, unit in units.items():
            self.add_module(name, unit)

    def forward(self, x):
        outputs = []
        for chain in self.chains:
            y = x
            for name in chain:
                y = self.pool(y) if name == "pool" else getattr(self, name)(y)
            outputs.append(y)
        return torch.cat(outputs, 1)


def block_a(c, pool_features):
    units = {
        "branch1x1": Unit(c, 64),
        "branch5x5_1": Unit(c, 48),
        "branch5x5_2": Unit(48, 64, 5, padding=2),
        "branch3x3dbl_1": Unit(c, 64),
        "branch3x3dbl_2": Unit(64, 96, 3, padding=1),
        "branch3x3dbl_3": Unit(96, 96, 3, padding=1),
        "branch_pool": Unit(c, pool_features),
    }
    chains = (
        ["branch1x1"],
        ["branch5x5_1", "branch5x5_2"],
        ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"],
        ["pool", "branch_pool"],
    )
    return Block(units, chains, average)


def block_b(c):
    units = {
        "branch3x3": Unit(c, 384, 3, 2),
        "branch3x3dbl_1": Unit(c, 64),
        "branch3x3dbl_2": Unit(64, 96, 3, padding=1),
        "branch3x3dbl_3": Unit(96, 96, 3, 2),
    }
    chains = (
        ["branch3x3"],
        ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"],
        ["pool"],
    )
    return Block(units, chains, halved)


def wide(inputs, outputs, k=7):
    return Unit(inputs, outputs, (1, k), padding=(0, k // 2))


def tall(inputs, outputs, k=7):
    return Unit(inputs, outputs, (k, 1), padding=(k // 2, 0))


def block_c(c, w):
    units = {
        "branch1x1": Unit(c, 192),
        "branch7x7_1": Unit(c, w),
        "branch7x7_2": wide(w, w),
        "branch7x7_3": tall(w, 192),
        "branch7x7dbl_1": Unit(c, w),
        "branch7x7dbl_2": tall(w, w),
        "branch7x7dbl_3": wide(w, w),
        "branch7x7dbl_4": tall(w, w),
        "branch7x7dbl_5": wide(w, 192),
        "branch_pool": Unit(c, 192),
    }
    chains = (
        ["branch1x1"],
        [f"branch7x7_{i}" for i in (1, 2, 3)],
        [f"branch7x7dbl_{i}" for i in (1, 2, 3, 4, 5)],
        ["pool", "branch_pool"],
    )
    return Block(units, chains, average)


def block_d(c):
    units = {
        "branch3x3_1": Unit(c, 192),
        "branch3x3_2": Unit(192, 320, 3, 2),
        "branch7x7x3_1": Unit(c, 192),
        "branch7x7x3_2": wide(192, 192),
        "branch7x7x3_3": tall(192, 192),
        "branch7x7x3_4": Unit(192, 192, 3, 2),
    }
    chains = (
        ["branch3x3_1", "branch3x3_2"],
        [f"branch7x7x3_{i}" for i in (1, 2, 3, 4)],
        ["pool"],
    )
    return Block(units, chains, halved)


def block_e(c, pool):
    units = {
        "branch1x1": Unit(c, 320),
        "branch3x3_1": Unit(c, 384),
        "branch3x3_2a": wide(384, 384, 3),
        "branch3x3_2b": tall(384, 384, 3),
        "branch3x3dbl_1": Unit(c, 448),
        "branch3x3dbl_2": Unit(448, 384, 3, padding=1),
        "branch3x3dbl_3a": wide(384, 384, 3),
        "branch3x3dbl_3b": tall(384, 384, 3),
        "branch_pool": Unit(c, 192),
    }
    chains = (
        ["branch1x1"],
        ["branch3x3_1", "branch3x3_2a"],
        ["branch3x3_1", "branch3x3_2b"],
        ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a"],
        ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3b"],
        ["pool", "branch_pool"],
    )
    return Block(units, chains, pool)


class TorchInception(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = (
            block_a(192, 32),
            block_a(256, 64),
            block_a(288, 64),
        )
        self.Mixed_6a = block_b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (
            block_c(768, width) for width in (128, 160, 160, 192)
        )
        self.Mixed_7a = block_d(768)
        self.Mixed_7b, self.Mixed_7c = block_e(1280, average), block_e(2048, maximum)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x):
        """Features and logits of images [n, 3, h, w] in [0, 1]."""
        x = 2 * F.interpolate(x, (299, 299), mode="bilinear", align_corners=False) - 1
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = halved(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(halved(x))))
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        features = x.mean(dim=(2, 3))
        return features, self.fc(features)


def random_inception(seed=0):
    """With He's scale, so that activations neither vanish nor grow, and uneven normalisations."""
    torch.manual_seed(seed)
    model = TorchInception().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
    return model.requires_grad_(False)
