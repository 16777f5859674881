"""Images to twice and to half their sides: by repetition and means, or through a low-pass filter.

The filter is [1, 3, 3, 1] along both axes, with zeros beyond the borders: doubling with it is
bilinear interpolation, and halving the adjoint of that, over four. All are sums of slices, which
every backend is fast at and which may be differentiated as often as one likes.

Source: Miyato et al. 2018, https://arxiv.org/abs/1802.05957 (repetition and means, as in the ResNet
of Gulrajani et al. 2017); Karras et al. 2019, https://arxiv.org/abs/1812.04948, and Huang et al.
2024, https://arxiv.org/abs/2501.05441 (the filter).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

Images = Float[Array, "n h w c"]


def repeat_twice(x: Images) -> Float[Array, "n h2 w2 c"]:
    """Each pixel four times: nearest-neighbour interpolation to twice the sides.

    >>> repeat_twice(jnp.array([[[[1.0], [2.0]]]]))[0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    n, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None, :], (n, h, 2, w, 2, c))
    return x.reshape(n, 2 * h, 2 * w, c)


def mean_of_four(x: Images) -> Float[Array, "n h2 w2 c"]:
    """The mean of every 2 x 2 pixels, whose sides must be even.

    >>> mean_of_four(jnp.array([[[[1.0], [2.0]], [[3.0], [6.0]]]])).item()
    3.0
    """
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def smooth_double(x: Images) -> Float[Array, "n h2 w2 c"]:
    """Twice the sides: along each axis 3/4 of the nearest pixel and 1/4 of the next one.

    >>> smooth_double(jnp.full((1, 1, 1, 1), 16.0))[0, :, :, 0].tolist()
    [[9.0, 9.0], [9.0, 9.0]]
    """
    for axis in (1, 2):
        before, after = _neighbours(x, axis)
        pairs = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        shape = list(x.shape)
        shape[axis] *= 2
        x = pairs.reshape(shape)
    return x


def smooth_halve(x: Images) -> Float[Array, "n h2 w2 c"]:
    """Half the sides, which must be even: along each axis 1/8, 3/8, 3/8, 1/8 of four pixels.

    >>> smooth_halve(jnp.full((1, 2, 2, 1), 16.0)).item()
    9.0
    """
    for axis in (1, 2):
        shape = list(x.shape)
        shape[axis : axis + 1] = [shape[axis] // 2, 2]
        first, second = jnp.moveaxis(x.reshape(shape), axis + 1, 0)
        before, after = _neighbours(second, axis)[0], _neighbours(first, axis)[1]
        x = 0.375 * (first + second) + 0.125 * (before + after)
    return x


def _neighbours(x: Array, axis: int) -> tuple[Array, Array]:
    """The pixel before each and the one after it along an axis, 0 beyond the borders."""
    padding = [(0, 0)] * x.ndim
    padding[axis] = (1, 1)
    padded = jnp.pad(x, padding)
    size = x.shape[axis]
    take = [slice(None)] * x.ndim
    before, after = list(take), list(take)
    before[axis], after[axis] = slice(size), slice(2, size + 2)
    return padded[tuple(before)], padded[tuple(after)]
