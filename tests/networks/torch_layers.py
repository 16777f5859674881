"""Layers of torch that take arrays of JAX and images in NHWC: the outside references of networks.

Modules that use this call `pytest.importorskip("torch")` first.
"""

import numpy as np
import torch
from torch.nn import functional


def tensor(x):
    return torch.tensor(np.asarray(x))


def dense(x, layer):
    x = x @ tensor(layer["kernel"])
    return x + tensor(layer["bias"]) if "bias" in layer else x


def nchw(function):
    def applied(x, *arguments, **options):
        y = function(x.permute(0, 3, 1, 2), *arguments, **options)
        return y.permute(0, 2, 3, 1)

    return applied


def _bias(layer):
    return tensor(layer["bias"]) if "bias" in layer else None


@nchw
def conv(x, layer, groups=1):
    """To equal sides: a kernel of 4 pads 1 before and 2 behind."""
    kernel = tensor(layer["kernel"]).permute(3, 2, 0, 1)
    k = kernel.shape[-1]
    low, high = (k - 1) // 2, k // 2
    x = functional.pad(x, (low, high, low, high))
    return functional.conv2d(x, kernel, _bias(layer), groups=groups)


@nchw
def strided(x, layer):
    """A kernel of 4, to half the sides."""
    kernel = tensor(layer["kernel"]).permute(3, 2, 0, 1)
    return functional.conv2d(x, kernel, _bias(layer), stride=2, padding=1)


@nchw
def transposed(x, layer):
    """A kernel of 4, to twice the sides; torch turns the kernel, lax does not."""
    kernel = tensor(layer["kernel"][::-1, ::-1]).permute(2, 3, 0, 1)
    return functional.conv_transpose2d(x, kernel, _bias(layer), stride=2, padding=1)


@nchw
def batch_norm(x, layer):
    scale, bias = tensor(layer["scale"]), tensor(layer["bias"])
    return functional.batch_norm(x, None, None, scale, bias, training=True)


@nchw
def nearest(x):
    return functional.interpolate(x, scale_factor=2, mode="nearest")


@nchw
def average_pool(x):
    return functional.avg_pool2d(x, 2)


def _filter(channels):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / 64
    return kernel.expand(channels, 1, 4, 4)


@nchw
def filtered_double(x):
    kernel = 4 * _filter(x.shape[1])
    return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


@nchw
def filtered_halve(x):
    return functional.conv2d(x, _filter(x.shape[1]), stride=2, padding=1, groups=x.shape[1])
