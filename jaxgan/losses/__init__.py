"""Losses: pure functions of a view of the real and of the fake batch. See `types.LossFn`.

What needs labels, state or a latent distribution is a plain function outside LOSSES.
"""

from typing import Any

from jaxgan import registry
from jaxgan.errors import ConfigError
from jaxgan.losses.adversarial import (
    began,
    began_balance,
    ebgan,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    wasserstein,
)
from jaxgan.losses.correlations import (
    barlow_twins,
    cca,
    coral,
    correlation_matching,
    pearson,
    pearson_loss,
    soft_spearman,
    spearman_loss,
)
from jaxgan.losses.dependence import hsic
from jaxgan.losses.diversity import diversity_matching, mode_seeking
from jaxgan.losses.f_divergences import (
    f_jensen_shannon,
    f_kl,
    f_pearson,
    f_reverse_kl,
    f_squared_hellinger,
    f_total_variation,
)
from jaxgan.losses.kernel_gan import (
    KERNEL_LOSSES,
    cramer,
    energy_distance,
    gmmn,
    kernel_similarity,
    mmd_bounded_repulsive,
    mmd_repulsive,
)
from jaxgan.losses.mmd import (
    conditional_mmd2,
    mean_embedding,
    mmd2,
    mmd2_blocks,
    mmd2_ratio,
    mmd2_variance,
    witness,
)
from jaxgan.losses.packing import pack, packed
from jaxgan.losses.relativistic import (
    relativistic_average,
    relativistic_average_hinge,
    relativistic_average_least_squares,
    relativistic_pairing,
)
from jaxgan.losses.similarity import (
    charbonnier,
    correlation,
    cosine,
    feature_matching,
    l1,
    l2,
    mae,
    mahalanobis,
    mse,
    one_minus_l2,
    rmse,
    squared_l2,
)
from jaxgan.losses.structural_similarity import ms_ssim, ssim
from jaxgan.losses.supervised import (
    auxiliary_classifier,
    cross_entropy,
    projection,
    real_logits,
    semi_supervised,
)
from jaxgan.losses.transport import (
    max_sliced_wasserstein,
    max_sliced_wasserstein_loss,
    sinkhorn_divergence,
    sinkhorn_loss,
    sliced_wasserstein,
    sliced_wasserstein_loss,
    wasserstein_1d,
)
from jaxgan.losses.variational import (
    bernoulli_reconstruction,
    gaussian_kl,
    gaussian_reconstruction,
    reparameterise,
)
from jaxgan.registry import lookup
from jaxgan.types import LossFn

__all__ = [
    "LOSSES",
    "VIEWS",
    "auxiliary_classifier",
    "barlow_twins",
    "began",
    "began_balance",
    "bernoulli_reconstruction",
    "cca",
    "charbonnier",
    "check_view",
    "conditional_mmd2",
    "coral",
    "correlation",
    "correlation_matching",
    "cosine",
    "cramer",
    "cross_entropy",
    "diversity_matching",
    "ebgan",
    "energy_distance",
    "f_jensen_shannon",
    "f_kl",
    "f_pearson",
    "f_reverse_kl",
    "f_squared_hellinger",
    "f_total_variation",
    "feature_matching",
    "gaussian_kl",
    "gaussian_reconstruction",
    "gmmn",
    "hinge",
    "hsic",
    "kernel_similarity",
    "l1",
    "l2",
    "least_squares",
    "mae",
    "mahalanobis",
    "max_sliced_wasserstein",
    "max_sliced_wasserstein_loss",
    "mean_embedding",
    "minimax",
    "mmd2",
    "mmd2_blocks",
    "mmd2_ratio",
    "mmd2_variance",
    "mmd_bounded_repulsive",
    "mmd_gaussian",
    "mmd_repulsive",
    "mode_seeking",
    "ms_ssim",
    "mse",
    "needs_pairs",
    "non_saturating",
    "one_minus_l2",
    "pack",
    "packed",
    "pearson",
    "pearson_loss",
    "projection",
    "real_logits",
    "relativistic_average",
    "relativistic_average_hinge",
    "relativistic_average_least_squares",
    "relativistic_pairing",
    "reparameterise",
    "rmse",
    "semi_supervised",
    "sinkhorn_divergence",
    "sinkhorn_loss",
    "sliced_wasserstein",
    "sliced_wasserstein_loss",
    "soft_spearman",
    "spearman_loss",
    "squared_l2",
    "ssim",
    "views",
    "wasserstein",
    "wasserstein_1d",
    "witness",
]

mmd_gaussian = KERNEL_LOSSES["mmd_gaussian"]

# Losses of verdicts on a sample: of logits, or of features that are trained as such.
_LOGIT_LOSSES: dict[str, LossFn] = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "least_squares": least_squares,
    "hinge": hinge,
    "wasserstein": wasserstein,
    "ebgan": ebgan,
    "relativistic_average": relativistic_average,
    "relativistic_average_least_squares": relativistic_average_least_squares,
    "relativistic_average_hinge": relativistic_average_hinge,
    "relativistic_pairing": relativistic_pairing,
    "f_kl": f_kl,
    "f_reverse_kl": f_reverse_kl,
    "f_jensen_shannon": f_jensen_shannon,
    "f_pearson": f_pearson,
    "f_squared_hellinger": f_squared_hellinger,
    "f_total_variation": f_total_variation,
}

# Losses of pixels and their neighbours.
_IMAGE_LOSSES: dict[str, LossFn] = {"ssim": ssim, "ms_ssim": ms_ssim}

# Losses of samples flattened to vectors, whatever view they come from.
_VECTOR_LOSSES: dict[str, LossFn] = {
    "l1": l1,
    "mae": mae,
    "l2": l2,
    "squared_l2": squared_l2,
    "mse": mse,
    "rmse": rmse,
    "one_minus_l2": one_minus_l2,
    "mahalanobis": mahalanobis,
    "cosine": cosine,
    "correlation": correlation,
    "charbonnier": charbonnier,
    "feature_matching": feature_matching,
    "diversity_matching": diversity_matching,
    "pearson": pearson_loss,
    "spearman": spearman_loss,
    "correlation_matching": correlation_matching,
    "coral": coral,
    "cca": cca,
    "barlow_twins": barlow_twins,
    "sliced_wasserstein": sliced_wasserstein_loss,
    "max_sliced_wasserstein": max_sliced_wasserstein_loss,
    "sinkhorn": sinkhorn_loss,
    **KERNEL_LOSSES,
}

LOSSES: dict[str, LossFn] = {**_LOGIT_LOSSES, **_IMAGE_LOSSES, **_VECTOR_LOSSES}

VIEWS = ("images", "features", "logits")

# Those that always compare real i with fake i; others do so where their `match` or `paired` says.
_PAIRED = ("relativistic_pairing", "pearson", "spearman", "cca", "barlow_twins")


def views(name: str) -> tuple[str, ...]:
    """The views that the loss of this name compares, of "images", "features" and "logits".

    A loss of any view may still ask for a width: correlations over features need two of them.

    Raises:
        ConfigError: No loss has this name.
    """
    lookup(LOSSES, name, "loss")
    if name in _LOGIT_LOSSES:
        return ("logits", "features")
    return ("images",) if name in _IMAGE_LOSSES else VIEWS


def check_view(name: str, on: str, path: str) -> None:
    """Raises ConfigError unless the loss of this name compares the view `on`.

    Args:
        name: A name in LOSSES.
        on: "images", "features" or "logits".
        path: Dotted name of the term in the config, for the message.
    """
    if on not in views(name):
        choice = " or ".join(views(name))
        raise ConfigError(
            f"{path}.on is {on!r}; {name} compares {choice} alone: set it to {choice}"
        )


def needs_pairs(name: str, **hyperparameters: Any) -> bool:
    """Whether the loss of this name compares real i with fake i, rather than set with set.

    Then the order within a batch counts, and of batches of unequal sizes the shorter one starts
    again at its end.

    Args:
        name: A name in LOSSES.
        **hyperparameters: Those that differ from their defaults.

    Raises:
        ConfigError: No loss has this name.
    """
    settings = registry.hyperparameters(lookup(LOSSES, name, "loss")) | hyperparameters
    return name in _PAIRED or settings.get("match") == "paired" or settings.get("paired") is True
