"""The convolutions of VGG16 in torch, for comparison.

Source: Simonyan and Zisserman 2015, arXiv:1409.1556, table 1, column D.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class TorchVGG(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3, *(width for stage in STAGES for width in stage)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(widths)
        )

    def take(self, params):
        """Weights Conv_0, Conv_1 ..., with kernels [h, w, i, o]."""
        for index, layer in enumerate(self.convolutions):
            arrays = params[f"Conv_{index}"]
            kernel = np.ascontiguousarray(arrays["kernel"].transpose(3, 2, 0, 1))
            tensors = {"weight": kernel, "bias": np.array(arrays["bias"])}
            layer.load_state_dict({k: torch.from_numpy(array) for k, array in tensors.items()})

    def forward(self, x):
        """Means of each stage's maps, and the maps, of normalised images [n, 3, h, w]."""
        maps, index = [], 0
        for stage, widths in enumerate(STAGES):
            x = F.max_pool2d(x, 2) if stage else x
            for _ in widths:
                x = torch.relu(self.convolutions[index](x))
                index += 1
            maps.append(x)
        return torch.cat([x.mean(dim=(2, 3)) for x in maps], 1), maps
