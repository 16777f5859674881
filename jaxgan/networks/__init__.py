"""Generators and discriminators: flax linen modules, and the registry that names them.

A generator maps (z, train) to samples, a discriminator (x, train) to Outputs. Their fields are
static: no float is among them. With norm "batch" or spectral norm, and `train=True`, they update
the collection `batch_stats`, so apply them with `mutable=["batch_stats"]`.
"""

from typing import NamedTuple

from flax import linen as nn

from jaxgan.networks.convolution import conv, conv_transpose
from jaxgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.networks.layers import (
    ACTIVATIONS,
    NORMS,
    Conv,
    ConvTranspose,
    activate,
    linear,
    normalise,
)
from jaxgan.networks.mlp import MLPDiscriminator, MLPGenerator

__all__ = [
    "ACTIVATIONS",
    "NETWORKS",
    "NORMS",
    "Conv",
    "ConvTranspose",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "Networks",
    "activate",
    "conv",
    "conv_transpose",
    "linear",
    "normalise",
]


class Networks(NamedTuple):
    """The two players of one registry entry; None where it has no such player."""

    generator: type[nn.Module] | None
    discriminator: type[nn.Module] | None


NETWORKS: dict[str, Networks] = {
    "dcgan": Networks(DCGANGenerator, DCGANDiscriminator),
    "mlp": Networks(MLPGenerator, MLPDiscriminator),
}
