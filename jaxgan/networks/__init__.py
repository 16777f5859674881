"""Networks: flax linen modules, and the registry that names them.

A generator maps (z, condition, train) to samples, a discriminator or encoder (x, condition, train)
to Outputs; the condition is None, labels [n] or a float array. Float fields, such as `noise`, may
be traced; all others are static. With norm "batch" or spectral norm, and `train=True`, they update
the collection `batch_stats`, so apply them with `mutable=["batch_stats"]`; noise and dropout draw
from the random stream "noise".
"""

from jaxgan.networks.branches import TwoBranchGenerator
from jaxgan.networks.conditioning import (
    DISCRIMINATOR_CONDITIONING,
    GENERATOR_CONDITIONING,
    ConditionalBatchNorm,
    code_of,
    join,
    project,
)
from jaxgan.networks.convolution import conv, conv_transpose
from jaxgan.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.networks.layers import (
    ACTIVATIONS,
    NORMS,
    Conv,
    ConvTranspose,
    activate,
    dropout,
    gaussian_noise,
    linear,
    normalise,
)
from jaxgan.networks.mlp import MLPDiscriminator, MLPGenerator
from jaxgan.networks.pix2pix import PatchDiscriminator, UNetGenerator
from jaxgan.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from jaxgan.networks.record import NETWORKS, Network, module_of, ranges_of
from jaxgan.networks.regression import LinearGenerator, QuadraticDiscriminator
from jaxgan.networks.resampling import mean_of_four, repeat_twice, smooth_double, smooth_halve
from jaxgan.networks.resnet import ResNetDiscriminator, ResNetGenerator
from jaxgan.networks.waves import WaveDiscriminator, WaveGenerator

__all__ = [
    "ACTIVATIONS",
    "DISCRIMINATOR_CONDITIONING",
    "GENERATOR_CONDITIONING",
    "NETWORKS",
    "NORMS",
    "ConditionalBatchNorm",
    "Conv",
    "ConvTranspose",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "LinearGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "Network",
    "PatchDiscriminator",
    "QuadraticDiscriminator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "TwoBranchGenerator",
    "UNetGenerator",
    "WaveDiscriminator",
    "WaveGenerator",
    "activate",
    "code_of",
    "conv",
    "conv_transpose",
    "dropout",
    "gaussian_noise",
    "join",
    "linear",
    "mean_of_four",
    "module_of",
    "normalise",
    "project",
    "ranges_of",
    "repeat_twice",
    "smooth_double",
    "smooth_halve",
]
