"""Dense networks: for points in the plane, and for images.

Source: Goodfellow et al. 2014, Generative Adversarial Nets, https://arxiv.org/abs/1406.2661;
Goodfellow et al. 2013, Maxout Networks, https://arxiv.org/abs/1302.4389.
"""

import math

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, ScalarLike

from jaxgan.networks.conditioning import (
    DISCRIMINATOR_CONDITIONING,
    GENERATOR_CONDITIONING,
    Condition,
    code_of,
    join,
    normalise_given,
)
from jaxgan.networks.heads import outputs_of
from jaxgan.networks.layers import (
    activate,
    compute_dtype,
    dense,
    gaussian_noise,
    linear,
    perturb,
)
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.types import Outputs


class MLPGenerator(nn.Module):
    """Flattens, dense layers of `widths`, then one to samples of `shape`, squashed by `output`.

    Attributes:
        shape: The shape of one sample.
        widths: The units of each hidden layer.
        activation: A name in ACTIVATIONS.
        maxout: How many linear functions each hidden unit is the largest of, before its activation,
            which is then "linear" as a rule.
        norm: "batch", "layer", "first_batch" or "none", before each activation.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        weight_norm: Whether to give the weights of every hidden unit the norm 1, and those of each
            output that of a learned number.
        output: "tanh" for samples in (-1, 1), "linear" for unbounded ones, or another activation.
        conditioning: "none" ignores the condition; "concat" joins it to z; "batch_norm" makes the
            gain and the offset of batch norm linear in it. Labels enter as one-hot codes.
        num_classes: How many classes labels have.
        noise: Standard deviation of Gaussian noise on the input of all layers but the first.
        input_noise: That of noise on the input.
        dropout: Share of the values that are zeroed in the input of all layers but the first.
        initialization: Of weights "lecun_normal", of biases 0; or "fan_in_uniform", both uniform in
            +-1 / sqrt(inputs), which is PyTorch's default.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (256,)
    activation: str = "relu"
    maxout: int = 1
    norm: str = "none"
    spectral_norm: bool = False
    weight_norm: bool = False
    output: str = "tanh"
    conditioning: str = "none"
    num_classes: int | None = None
    noise: ScalarLike | None = None
    input_noise: ScalarLike | None = None
    dropout: ScalarLike | None = None
    initialization: str = "lecun_normal"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, z: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n ..."]:
        """Returns n samples [n, *shape] in float32, of latents or of what is to be translated."""
        x = _hidden(self, z, condition, train, GENERATOR_CONDITIONING)[0]
        last = dense(x, math.prod(self.shape), self.initialization, dtype=compute_dtype(self.dtype))
        x = linear(
            last,
            perturb(self, x, train),
            spectral_norm=self.spectral_norm,
            weight_norm=self.weight_norm,
            learned_scale=self.weight_norm,
            train=train,
        )
        return activate(x.astype(jnp.float32), self.output).reshape(-1, *self.shape)


class MLPDiscriminator(nn.Module):
    """Flattens, dense layers of `widths`, then one to `num_outputs` logits.

    Also an encoder, with `num_outputs` the length of its codes.

    Attributes:
        widths: The units of each hidden layer.
        num_outputs: 1 logit, or k critic features for kernel losses.
        activation: A name in ACTIVATIONS.
        maxout: How many linear functions each hidden unit is the largest of, before its activation,
            which is then "linear" as a rule.
        norm: "batch", "layer", "first_batch" or "none", before each activation.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        weight_norm: Whether to give the weights of every hidden unit the norm 1, and those of each
            output that of a learned number (but for a projection).
        final_bias: Whether the last layer has a bias: none for translation-invariant losses, which
            give it no gradient but rounding noise.
        learned_bandwidth: Whether to divide the logits by a learned positive number, 1 at first:
            the bandwidth of a kernel that compares them. Without spectral norm the last layer can
            learn it as well.
        conditioning: "none" ignores the condition; "concat" joins it to the flattened input;
            "projection" adds <v, features> to the logits, v linear in it. Labels enter as one-hot
            codes.
        num_classes: How many classes labels have, and the class logits.
        auxiliary: Whether to return class logits too.
        num_auxiliary: Their number, if it is not `num_classes`.
        noise: Standard deviation of Gaussian noise on the input of all layers but the first.
        input_noise: That of noise on the input.
        dropout: Share of the values that are zeroed in the input of all layers but the first.
        initialization: Of hidden layers: see `MLPGenerator`.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.
    """

    widths: tuple[int, ...] = (256,)
    num_outputs: int = 1
    activation: str = "leaky_relu"
    maxout: int = 1
    norm: str = "none"
    spectral_norm: bool = False
    weight_norm: bool = False
    final_bias: bool = True
    learned_bandwidth: bool = False
    conditioning: str = "none"
    num_classes: int | None = None
    auxiliary: bool = False
    num_auxiliary: int | None = None
    noise: ScalarLike | None = None
    input_noise: ScalarLike | None = None
    dropout: ScalarLike | None = None
    initialization: str = "lecun_normal"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Outputs:
        """Returns logits [n, num_outputs] and the last hidden activations [n, d], in float32.

        And class logits if `auxiliary`.
        """
        x, code = _hidden(self, x, condition, train, DISCRIMINATOR_CONDITIONING)
        return outputs_of(
            self,
            x.astype(jnp.float32),
            code,
            train=train,
            kernel_init=nn.linear.default_kernel_init,
            weight_norm=self.weight_norm,
            learned_bandwidth=self.learned_bandwidth,
        )


def _hidden(
    module: MLPGenerator | MLPDiscriminator,
    x: Array,
    condition: Condition | None,
    train: bool,
    allowed: tuple[str, ...],
) -> tuple[Array, Array | None]:
    """The last hidden activations, and the condition as a code."""
    dtype = compute_dtype(module.dtype)
    code = code_of(condition, module.conditioning, num_classes=module.num_classes, allowed=allowed)
    x = x.reshape(len(x), -1)
    x = gaussian_noise(module, x, module.input_noise, train=train, axis_name=module.axis_name)
    x = join(x, code) if module.conditioning == "concat" else x
    options = {"use_bias": module.norm != "batch", "dtype": dtype}
    for index, width in enumerate(module.widths):
        x = perturb(module, x, train) if index else x
        x = linear(
            dense(x, width * module.maxout, module.initialization, **options),
            x,
            spectral_norm=module.spectral_norm,
            weight_norm=module.weight_norm,
            train=train,
        )
        x = x if module.maxout == 1 else x.reshape(len(x), width, module.maxout).max(axis=2)
        x = activate(normalise_given(module, x, code, train), module.activation)
    return x, code


NETWORKS["mlp"] = Network(MLPGenerator, MLPDiscriminator, SHARED_RANGES)
