"""Regularisers of a network's weights."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.numerics import at_least_float32
from jaxgan.types import PyTree


def orthogonal(params: PyTree, *, diagonal: bool = False) -> Float[Array, ""]:
    """Sum over kernels W of |W^T W * (1 - I)|_F^2; with `diagonal`, of |W^T W - I|_F^2.

    A kernel is any leaf of two or more axes, as a matrix of its last axis (the outputs) by all
    others; biases and scales are left out.

    Args:
        params: Parameters of a network.
        diagonal: Whether filters shall have norm 1 too. Without it they are asked to be orthogonal
            but may have any norm.

    Source: Brock et al. 2019, Large Scale GAN Training for High Fidelity Natural Image Synthesis,
    equations 3 and 2. https://arxiv.org/abs/1809.11096

    >>> float(orthogonal({"kernel": 3 * jnp.eye(2), "bias": jnp.ones(2)}))
    0.0
    >>> float(orthogonal({"kernel": 3 * jnp.eye(2), "bias": jnp.ones(2)}, diagonal=True))
    128.0
    """

    def of_kernel(kernel: Array) -> Float[Array, ""]:
        (matrix,) = at_least_float32(kernel.reshape(-1, kernel.shape[-1]))
        gram = jnp.matmul(matrix.T, matrix, precision=jax.lax.Precision.HIGHEST)
        identity = jnp.eye(len(gram), dtype=gram.dtype)
        return jnp.sum(jnp.square(gram - identity if diagonal else gram * (1 - identity)))

    return sum(
        (of_kernel(leaf) for leaf in jax.tree.leaves(params) if leaf.ndim > 1), start=jnp.zeros(())
    )
