"""SSIM and multi-scale SSIM of images [n, height, width, channels] in [-1, 1].

Both are defined for intensities: pixels x count as 1 + x, in [0, 2].
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.losses.common import comparable, matched, zero_sum
from jaxgan.losses.record import loss
from jaxgan.types import Losses

# Wang et al. 2004, section III.C: the Gaussian window, and (K1 L)^2 and (K2 L)^2 for the range L.
_WINDOW, _SIGMA = 11, 1.5
_BLACK, _RANGE = -1.0, 2.0
_C1, _C2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2

# Wang et al. 2003: the exponents of the scales, from fine to coarse.
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# Below this a scale's contrast counts as no structure: a power of 0 has no finite gradient.
_LEAST_CONTRAST = 1e-4


@loss(views=("images",))
def ssim(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E (1 - SSIM(x, y)), D = -G, in [0, 2].

    The mean over channels and all positions of an 11 x 11 Gaussian window (sigma 1.5) inside the
    image. In images smaller than 11 the window, and sigma with it, shrinks to their shorter side.

    Args:
        real: n images in [-1, 1], [n, height, width, channels].
        fake: m images of the same shape.
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Raises:
        ConfigError: Samples that are no images.

    Source: Wang et al. 2004, Image Quality Assessment: From Error Visibility to Structural
    Similarity, equation 13, https://doi.org/10.1109/TIP.2003.819861

    >>> image = jnp.linspace(-1, 1, 144).reshape(1, 12, 12, 1)
    >>> abs(float(ssim(image, image).generator)) < 1e-6
    True
    """
    return zero_sum(matched(_ssim, *_images(real, fake), match))


@loss(views=("images",))
def ms_ssim(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E (1 - MS-SSIM(x, y)), D = -G, in [0, 1].

    Up to five scales, each half the one before (means of 2 x 2, an odd last row or column left
    out), while the shorter side is at least 2 (for 28 x 28: four). Their exponents are scaled to
    sum 1. Contrasts under 1e-4, negative ones among them, count as 1e-4. Windows as in `ssim`.

    Args:
        real: n images in [-1, 1], [n, height, width, channels].
        fake: m images of the same shape.
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Raises:
        ConfigError: Samples that are no images.

    Source: Wang et al. 2003, Multi-Scale Structural Similarity for Image Quality Assessment,
    https://doi.org/10.1109/ACSSC.2003.1292216
    """
    return zero_sum(matched(_ms_ssim, *_images(real, fake), match))


def _images(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."]
) -> tuple[Float[Array, "n h w c"], Float[Array, "m h w c"]]:
    if real.ndim != 4:
        raise ConfigError(
            f"structural similarity of samples of shape {real.shape[1:]}; it compares images "
            "[height, width, channels]: set on='images'"
        )
    return comparable(real, fake)


def _ssim(x: Float[Array, "n h w c"], y: Float[Array, "n h w c"]) -> Float[Array, "n"]:
    luminance, contrast = _maps(x, y)
    return 1 - jnp.mean(luminance * contrast, axis=(1, 2, 3))


def _ms_ssim(x: Float[Array, "n h w c"], y: Float[Array, "n h w c"]) -> Float[Array, "n"]:
    scales = min(len(_EXPONENTS), max(1, int(np.log2(min(x.shape[1:3])))))
    exponents = np.array(_EXPONENTS[:scales]) / sum(_EXPONENTS[:scales])
    logarithm = jnp.zeros((), x.dtype)
    for scale, exponent in enumerate(exponents.tolist()):
        if scale > 0:
            x, y = _half(x), _half(y)
        luminance, contrast = _maps(x, y)
        kept = luminance * contrast if scale == scales - 1 else contrast
        means = jnp.maximum(jnp.mean(kept, axis=(1, 2)), _LEAST_CONTRAST)
        logarithm = logarithm + exponent * jnp.log(means)
    return 1 - jnp.mean(jnp.exp(logarithm), axis=1)


def _maps(
    x: Float[Array, "n h w c"], y: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n p q c"], Float[Array, "n p q c"]]:
    """Luminance, and contrast times structure, at every position of the window.

    Only luminance depends on where black lies: the moments of signed pixels lose fewer digits.
    """
    mean_x, mean_y = _smooth(x), _smooth(y)
    squares = jnp.square(mean_x) + jnp.square(mean_y)
    variances = _smooth(jnp.square(x) + jnp.square(y)) - squares
    covariances = _smooth(x * y) - mean_x * mean_y
    light_x, light_y = mean_x - _BLACK, mean_y - _BLACK
    luminance = (2 * light_x * light_y + _C1) / (jnp.square(light_x) + jnp.square(light_y) + _C1)
    return luminance, (2 * covariances + _C2) / (variances + _C2)


def _smooth(x: Float[Array, "n h w c"]) -> Float[Array, "n p q c"]:
    """Means under the window: as matrix products, which are fast where convolutions are not."""
    height, width = x.shape[1:3]
    size = min(_WINDOW, height, width)
    rows, columns = (jnp.asarray(_window(side, size), x.dtype) for side in (height, width))
    return jnp.einsum("ph,nhwc,qw->npqc", rows, x, columns, precision="highest")


def _window(side: int, size: int) -> np.ndarray:
    """[side - size + 1, side]: in each row the Gaussian of `size` pixels, one further on."""
    offsets = np.arange(size) - (size - 1) / 2
    weights = np.exp(-np.square(offsets * _WINDOW / (size * _SIGMA)) / 2)
    positions = side - size + 1
    matrix = np.zeros((positions, side))
    for position in range(positions):
        matrix[position, position : position + size] = weights / weights.sum()
    return matrix


def _half(x: Float[Array, "n h w c"]) -> Float[Array, "n p q c"]:
    n, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4))
