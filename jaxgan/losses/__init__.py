"""Losses: pure functions of a view of the real and of the fake batch. See `types.LossFn`.

What needs labels, state or a latent distribution is a plain function outside LOSSES.
"""

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
from jaxgan.losses.f_divergences import (
    f_jensen_shannon,
    f_kl,
    f_pearson,
    f_reverse_kl,
    f_squared_hellinger,
    f_total_variation,
)
from jaxgan.losses.mmd import mmd2, mmd_gaussian
from jaxgan.losses.packing import pack, packed
from jaxgan.losses.relativistic import (
    relativistic_average,
    relativistic_average_hinge,
    relativistic_average_least_squares,
    relativistic_pairing,
)
from jaxgan.losses.supervised import (
    auxiliary_classifier,
    cross_entropy,
    projection,
    real_logits,
    semi_supervised,
)
from jaxgan.losses.variational import (
    bernoulli_reconstruction,
    gaussian_kl,
    gaussian_reconstruction,
    reparameterise,
)
from jaxgan.types import LossFn

__all__ = [
    "LOSSES",
    "auxiliary_classifier",
    "began",
    "began_balance",
    "bernoulli_reconstruction",
    "cross_entropy",
    "ebgan",
    "f_jensen_shannon",
    "f_kl",
    "f_pearson",
    "f_reverse_kl",
    "f_squared_hellinger",
    "f_total_variation",
    "gaussian_kl",
    "gaussian_reconstruction",
    "hinge",
    "least_squares",
    "minimax",
    "mmd2",
    "mmd_gaussian",
    "non_saturating",
    "pack",
    "packed",
    "projection",
    "real_logits",
    "relativistic_average",
    "relativistic_average_hinge",
    "relativistic_average_least_squares",
    "relativistic_pairing",
    "reparameterise",
    "semi_supervised",
    "wasserstein",
]

LOSSES: dict[str, LossFn] = {
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
    "mmd_gaussian": mmd_gaussian,
}
