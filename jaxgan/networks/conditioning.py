"""Conditions of networks: labels or codes, joined to the input, in batch norm, or projected.

A condition is integer labels [n], or floats [n, ...] with any further axes: a code such as
InfoGAN's, another network's input such as BiGAN's z beside x, or an image. Labels enter as one-hot
codes, so that a dense layer or convolution that follows learns an embedding of the classes: its
kernel's rows. The functions here are for a user's own module too.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Shaped

from jaxgan.errors import ConfigError
from jaxgan.networks.layers import compute_dtype, linear, normalise
from jaxgan.registry import unknown

JOINED_CONDITIONING = ("none", "concat")  # of networks that only join a condition
GENERATOR_CONDITIONING = ("none", "concat", "batch_norm")
DISCRIMINATOR_CONDITIONING = ("none", "concat", "projection")

Condition = Shaped[Array | np.ndarray, "n ..."]  # labels or floats; `code_of` checks which


def code_of(
    condition: Condition | None,
    conditioning: str,
    *,
    num_classes: int | None,
    allowed: tuple[str, ...],
) -> Float[Array, "n ..."] | None:
    """What a network with this conditioning is conditioned on, as floats.

    Args:
        condition: Labels [n], which become one-hot codes [n, num_classes], or floats, which stay
            as they are. Ignored if `conditioning` is "none".
        conditioning: One of `allowed`.
        num_classes: The number of classes, for labels.
        allowed: The kinds that the network has.

    Returns:
        The code, or None if `conditioning` is "none".

    Raises:
        ConfigError: another kind of conditioning, no condition, or labels without `num_classes`.
    """
    if conditioning not in allowed:
        raise unknown("conditioning", conditioning, allowed)
    if conditioning == "none":
        return None
    if condition is None:
        raise ConfigError(
            f"conditioning is {conditioning!r} and the network got no condition; call it with "
            "labels or a code, from data that has them, or set conditioning to 'none'"
        )
    if jnp.issubdtype(condition.dtype, jnp.floating) and condition.ndim > 1:
        return jnp.asarray(condition)
    if not jnp.issubdtype(condition.dtype, jnp.integer) or condition.ndim != 1:
        raise ConfigError(
            f"a condition of type {condition.dtype} and shape {condition.shape}; labels are "
            "integers [n], and codes floats [n, k]: convert it"
        )
    if num_classes is None:
        raise ConfigError(
            f"conditioning {conditioning!r} on labels with num_classes unset; set num_classes to "
            "the number of classes"
        )
    return jax.nn.one_hot(condition, num_classes)


def join(x: Float[Array, "n ... d"], code: Float[Array, "n ..."] | None) -> Float[Array, "n ... e"]:
    """Adds the code to x as further channels; returns x itself if the code is None.

    Beside vectors [n, d] the code is flattened. Beside images [n, h, w, d] a code [n, k] becomes k
    constant maps, and one of the same sides, [n, h, w, k], stays as it is.
    Source: Mirza and Osindero 2014, Conditional Generative Adversarial Nets,
    https://arxiv.org/abs/1411.1784; Isola et al. 2017, Image-to-Image Translation with Conditional
    Adversarial Networks, https://arxiv.org/abs/1611.07004 (images).

    Raises:
        ConfigError: a code of other sides than the images.
    """
    if code is None:
        return x
    if x.ndim == 2:
        code = code.reshape(len(code), -1)
    elif code.ndim == 2:
        maps = code.reshape(len(code), *(1,) * (x.ndim - 2), code.shape[-1])
        code = jnp.broadcast_to(maps, (*x.shape[:-1], code.shape[-1]))
    if code.shape[:-1] != x.shape[:-1]:
        raise ConfigError(
            f"a condition of shape {code.shape} beside samples of shape {x.shape}; it must be "
            "[n, k], or [n, h, w, k] with the sides of the samples"
        )
    return jnp.concatenate([x, code.astype(x.dtype)], axis=-1)


def project(
    features: Float[Array, "n d"],
    code: Float[Array, "n ..."],
    *,
    spectral_norm: bool = False,
    train: bool,
    kernel_init: nn.initializers.Initializer = nn.linear.default_kernel_init,
) -> Float[Array, "n 1"]:
    """<V y, features>, to be added to a discriminator's logits; call it in a compact module.

    y is the code [n, k] and V a learned matrix [d, k], the parameter `projection/kernel`. For a
    label that is <v, features>, v the column of V of that class.
    Source: Miyato and Koyama 2018, cGANs with Projection Discriminator,
    https://arxiv.org/abs/1802.05637.
    """
    code = code.reshape(len(code), -1)
    layer = nn.Dense(code.shape[1], use_bias=False, kernel_init=kernel_init, name="projection")
    scores = linear(layer, features, spectral_norm=spectral_norm, train=train)
    return jnp.sum(code * scores, axis=1, keepdims=True)


def normalise_given(
    module: Any, x: Float[Array, "n ..."], code: Float[Array, "n ..."] | None, train: bool
) -> Float[Array, "n ..."]:
    """The norm of a generator's fields, given the code if `conditioning` is "batch_norm".

    Raises:
        ConfigError: conditional batch norm with another `norm`.
    """
    dtype = compute_dtype(module.dtype)
    if module.conditioning != "batch_norm" or code is None:
        return normalise(x, module.norm, train=train, dtype=dtype, axis_name=module.axis_name)
    if module.norm != "batch":
        raise ConfigError(
            f"conditioning is 'batch_norm' and norm is {module.norm!r}; set norm to 'batch'"
        )
    return ConditionalBatchNorm(dtype, module.axis_name)(x, code, train=train)


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose gain, 1 + A y, and offset, B y, are linear in a code y [n, k].

    For one-hot labels these are a gain and an offset for each class. A and B start at 0.
    Source: Dumoulin et al. 2017, A Learned Representation for Artistic Style,
    https://arxiv.org/abs/1610.07629 (of instance norm); de Vries et al. 2017, Modulating Early
    Visual Processing by Language, https://arxiv.org/abs/1707.00683 (1 + A y); Miyato and Koyama
    2018, cGANs with Projection Discriminator, https://arxiv.org/abs/1802.05637 (in generators).

    Attributes:
        dtype: The type of the result.
        axis_name: The device axis that batch statistics are shared over.
    """

    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "n ... c"], code: Float[Array, "n ..."], *, train: bool
    ) -> Float[Array, "n ... c"]:
        """Returns the normalised x."""
        x = normalise(
            x,
            "batch",
            train=train,
            dtype=jnp.float32,
            axis_name=self.axis_name,
            affine=False,
        )
        gain, offset = (self._of(name, x, code) for name in ("gain", "offset"))
        return (x * (1 + gain) + offset).astype(self.dtype)

    def _of(self, name: str, x: Array, code: Array) -> Array:
        """A linear function of the code for each channel of x, to be broadcast on x."""
        layer = nn.Dense(
            x.shape[-1],
            use_bias=False,
            kernel_init=nn.initializers.zeros,
            # Not less than the float32 of an unconditional gain.
            precision=jax.lax.Precision.HIGHEST,
            name=name,
        )
        values = layer(code.reshape(len(code), -1))
        return values.reshape(len(x), *(1,) * (x.ndim - 2), x.shape[-1])
