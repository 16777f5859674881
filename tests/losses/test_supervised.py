"""Against scikit-learn's log loss and explicit probabilities of K + 1 classes, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.metrics import log_loss

from jaxgan.losses import (
    auxiliary_classifier,
    cross_entropy,
    projection,
    real_logits,
    semi_supervised,
)

RNG = np.random.default_rng(0)
CLASSES = 4


def batch(n):
    logits = jnp.asarray(2 * RNG.normal(size=(n, CLASSES)), jnp.float32)
    return logits, jnp.asarray(RNG.integers(CLASSES, size=n))


def probabilities(logits, *, fake_class=False):
    """The softmax of the class logits; with a further logit of 0 for "fake"."""
    logits = np.asarray(logits, np.float64)
    if fake_class:
        logits = np.concatenate([logits, np.zeros((len(logits), 1))], axis=1)
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def expected_cross_entropy(logits, labels):
    return log_loss(labels, probabilities(logits), labels=range(CLASSES))


def test_cross_entropy_is_scikit_learns_log_loss():
    logits, labels = batch(9)
    value = jax.jit(cross_entropy)(logits, labels)
    np.testing.assert_allclose(value, expected_cross_entropy(logits, labels), rtol=1e-6)
    certain = cross_entropy(jnp.array([[1e4, 0.0], [0.0, 1e4]]), jnp.array([0, 0]))
    assert certain == 5e3


def test_real_logits_are_those_of_not_being_the_further_class():
    logits, _ = batch(6)
    real = 1 - probabilities(logits, fake_class=True)[:, -1]
    np.testing.assert_allclose(jax.nn.sigmoid(real_logits(logits)), real, rtol=1e-6)


def test_semi_supervised_losses_of_k_plus_one_classes():
    """Salimans et al. 2016, section 5, with the (K + 1)-th class written out."""
    (labelled, labels), (real, _), (fake, _) = batch(3), batch(7), batch(5)
    of_real = probabilities(real, fake_class=True)[:, -1]
    of_fake = probabilities(fake, fake_class=True)[:, -1]
    discriminator = expected_cross_entropy(labelled, labels)
    discriminator -= np.log(1 - of_real).mean() + np.log(of_fake).mean()
    losses = jax.jit(semi_supervised)(labelled, labels, real, fake)
    np.testing.assert_allclose(losses, (-np.log(1 - of_fake).mean(), discriminator), rtol=1e-6)


def test_extreme_class_logits_stay_finite():
    logits, labels = jnp.array([[1e4, -1e4], [-1e4, -1e4]]), jnp.array([1, 0])
    loss = jax.value_and_grad(lambda x: sum(semi_supervised(x, labels, x, x)))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(loss(logits)))


def test_both_players_of_an_auxiliary_classifier_want_the_right_class():
    (real, labels), (fake, _) = batch(7), batch(7)
    losses = jax.jit(auxiliary_classifier)(real, fake, labels=labels)
    of_fake = expected_cross_entropy(fake, labels)
    of_real = expected_cross_entropy(real, labels)
    np.testing.assert_allclose(losses, (of_fake, of_real + of_fake), rtol=1e-6)


def test_projection_by_hand():
    features = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    embedding = jnp.array([[1.0, 0.0], [0.0, 10.0]])
    value = projection(features, jnp.array([0, 1, 1]), embedding)
    np.testing.assert_array_equal(value, [[1], [40], [60]])
