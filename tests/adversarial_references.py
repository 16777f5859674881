"""Losses of verdicts on single samples, by loops over single logits in float64.

Each takes (real, fake, **hyperparameters) and returns both players' losses.
"""

import numpy as np


def log_sigmoid(t):
    return -np.logaddexp(0, -t)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def cross_entropy(real, fake):
    return -mean(log_sigmoid(t) for t in real) - mean(log_sigmoid(-t) for t in fake)


def minimax(real, fake):
    """Goodfellow et al. 2014, equation 1: min over G, max over D."""
    return mean(log_sigmoid(-t) for t in fake), cross_entropy(real, fake)


def non_saturating(real, fake):
    """Goodfellow et al. 2014, section 3."""
    return -mean(log_sigmoid(t) for t in fake), cross_entropy(real, fake)


def least_squares(real, fake, real_target=1.0, fake_target=0.0, generator_target=1.0):
    """Mao et al. 2017, equation 2."""
    discriminator = mean((t - real_target) ** 2 for t in real) / 2
    discriminator += mean((t - fake_target) ** 2 for t in fake) / 2
    return mean((t - generator_target) ** 2 for t in fake) / 2, discriminator


def hinge(real, fake):
    """Lim and Ye 2017."""
    discriminator = mean(max(0, 1 - t) for t in real) + mean(max(0, 1 + t) for t in fake)
    return -mean(fake), discriminator


def wasserstein(real, fake):
    """Arjovsky et al. 2017, algorithm 1."""
    return -mean(fake), mean(fake) - mean(real)


def relativistic_average(real, fake):
    """Jolicoeur-Martineau 2019, RaSGAN."""
    real_margins, fake_margins = [t - mean(fake) for t in real], [t - mean(real) for t in fake]
    return cross_entropy(fake_margins, real_margins), cross_entropy(real_margins, fake_margins)


def relativistic_pairing(real, fake):
    """PROTOCOLS.md: softplus(-(D(x) - D(G(z)))), swapped for G; the shorter batch repeats."""
    longer = max(len(real), len(fake))
    margins = [real[i % len(real)] - fake[i % len(fake)] for i in range(longer)]
    return -mean(log_sigmoid(-t) for t in margins), -mean(log_sigmoid(t) for t in margins)


def relativistic_average_least_squares(real, fake):
    """Jolicoeur-Martineau 2019, RaLSGAN."""

    def loss(above, below):
        return mean((a - mean(below) - 1) ** 2 for a in above) + mean(
            (b - mean(above) + 1) ** 2 for b in below
        )

    return loss(fake, real), loss(real, fake)


def relativistic_average_hinge(real, fake):
    """Jolicoeur-Martineau 2019, RaHingeGAN."""

    def loss(above, below):
        return mean(max(0, 1 - (a - mean(below))) for a in above) + mean(
            max(0, 1 + (b - mean(above))) for b in below
        )

    return loss(fake, real), loss(real, fake)


def ebgan(real, fake, margin=1.0):
    """Zhao et al. 2017, equations 1 and 2."""
    return mean(fake), mean(real) + mean(max(0, margin - t) for t in fake)


# Nowozin et al. 2016, table 6: output activation g_f(v), and conjugate f*(t).
F_GAN = {
    "f_kl": (lambda v: v, lambda t: np.exp(t - 1)),
    "f_reverse_kl": (lambda v: -np.exp(-v), lambda t: -1 - np.log(-t)),
    "f_jensen_shannon": (
        lambda v: np.log(2) - np.logaddexp(0, -v),
        lambda t: -np.log(2 - np.exp(t)),
    ),
    "f_pearson": (lambda v: v, lambda t: t**2 / 4 + t),
    "f_squared_hellinger": (lambda v: 1 - np.exp(-v), lambda t: t / (1 - t)),
    "f_total_variation": (lambda v: np.tanh(v) / 2, lambda t: t),
}


def f_gan(name):
    activation, conjugate = F_GAN[name]

    def reference(real, fake, non_saturating=name in ("f_kl", "f_pearson")):
        """Nowozin et al. 2016, equation 4, and section 3.2 for the non-saturating generator."""
        of_fake = mean(conjugate(activation(v)) for v in fake)
        generator = -mean(activation(v) for v in fake) if non_saturating else -of_fake
        return generator, of_fake - mean(activation(v) for v in real)

    return reference


ADVERSARIAL_REFERENCES = {
    reference.__name__: reference
    for reference in (
        minimax,
        non_saturating,
        least_squares,
        hinge,
        wasserstein,
        ebgan,
        relativistic_average,
        relativistic_average_least_squares,
        relativistic_average_hinge,
        relativistic_pairing,
    )
} | {name: f_gan(name) for name in F_GAN}
