"""Dense networks: for points in the plane, and for images as in Goodfellow et al. 2014."""

import math

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.networks.layers import activate, compute_dtype, linear, normalise
from jaxgan.types import Outputs


class MLPGenerator(nn.Module):
    """Dense layers of `widths`, then one to samples of `shape`, squashed by `output`.

    Attributes:
        shape: The shape of one sample.
        widths: The units of each hidden layer.
        activation: A name in ACTIVATIONS.
        norm: "batch", "layer" or "none", before each activation.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        output: "tanh" for samples in (-1, 1), "linear" for unbounded ones, or another activation.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (256,)
    activation: str = "relu"
    norm: str = "none"
    spectral_norm: bool = False
    output: str = "tanh"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, z: Float[Array, "n latent"], *, train: bool) -> Float[Array, "n ..."]:
        """Returns n samples [n, *shape] in float32."""
        x = _hidden(self, z, train)
        last = nn.Dense(math.prod(self.shape), dtype=compute_dtype(self.dtype))
        x = linear(last, x, spectral_norm=self.spectral_norm, train=train)
        return activate(x.astype(jnp.float32), self.output).reshape(-1, *self.shape)


class MLPDiscriminator(nn.Module):
    """Flattens, dense layers of `widths`, then one to `num_outputs` logits.

    Attributes:
        widths: The units of each hidden layer.
        num_outputs: 1 logit, or k critic features for kernel losses.
        activation: A name in ACTIVATIONS.
        norm: "batch", "layer" or "none", before each activation.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        final_bias: Whether the last layer has a bias: none for translation-invariant losses, which
            give it no gradient but rounding noise.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.
    """

    widths: tuple[int, ...] = (256,)
    num_outputs: int = 1
    activation: str = "leaky_relu"
    norm: str = "none"
    spectral_norm: bool = False
    final_bias: bool = True
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n ..."], *, train: bool) -> Outputs:
        """Returns logits [n, num_outputs] and the last hidden activations [n, d], in float32."""
        features = _hidden(self, x.reshape(x.shape[0], -1), train).astype(jnp.float32)
        head = nn.Dense(self.num_outputs, use_bias=self.final_bias)
        logits = linear(head, features, spectral_norm=self.spectral_norm, train=train)
        return Outputs(logits=logits, features=features)


def _hidden(module: MLPGenerator | MLPDiscriminator, x: Array, train: bool) -> Array:
    dtype = compute_dtype(module.dtype)
    for width in module.widths:
        layer = nn.Dense(width, use_bias=module.norm != "batch", dtype=dtype)
        x = linear(layer, x, spectral_norm=module.spectral_norm, train=train)
        x = normalise(x, module.norm, train=train, dtype=dtype, axis_name=module.axis_name)
        x = activate(x, module.activation)
    return x
