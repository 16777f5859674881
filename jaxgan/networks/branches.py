"""A generator of two hidden branches of the same latents."""

import math

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.networks.conditioning import JOINED_CONDITIONING, Condition, code_of, join
from jaxgan.networks.layers import activate, compute_dtype
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network


class TwoBranchGenerator(nn.Module):
    """G(z) = o(W [h_1(W_1 z); h_2(W_2 z)]): two hidden branches, concatenated; biases are left out.

    With h_1 = h_2 it is `MLPGenerator` with one hidden layer of 2 `width` units: branches say
    something of their own where their activations differ.

    Attributes:
        shape: The shape of one sample.
        width: The units of each branch.
        activation: h_1, a name in ACTIVATIONS.
        second_activation: h_2; None: h_1.
        output: o: "tanh" for samples in (-1, 1), "linear" for unbounded ones, or another
            activation.
        conditioning: "none" ignores the condition; "concat" joins it to z, labels as one-hot codes.
        num_classes: How many classes labels have.
        use_bias: Whether the three layers have biases.
        dtype: The type to compute in: "float32" or "bfloat16".
    """

    shape: tuple[int, ...]
    width: int = 128
    activation: str = "tanh"
    second_activation: str | None = None
    output: str = "tanh"
    conditioning: str = "none"
    num_classes: int | None = None
    use_bias: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "n latent"], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n ..."]:
        """Returns n samples [n, *shape] in float32."""
        del train
        dtype = compute_dtype(self.dtype)
        code = code_of(
            condition, self.conditioning, num_classes=self.num_classes, allowed=JOINED_CONDITIONING
        )
        z = join(z, code)
        activations = {"first": self.activation, "second": self.second_activation}
        branches = []
        for name, activation in activations.items():
            layer = nn.Dense(self.width, use_bias=self.use_bias, dtype=dtype, name=name)
            branches.append(activate(layer(z), activation or self.activation))
        both = jnp.concatenate(branches, axis=1)
        last = nn.Dense(math.prod(self.shape), use_bias=self.use_bias, dtype=dtype, name="joined")
        return activate(last(both).astype(jnp.float32), self.output).reshape(-1, *self.shape)


NETWORKS["two_branch"] = Network(
    generator=TwoBranchGenerator, ranges={"num_classes": SHARED_RANGES["num_classes"]}
)
