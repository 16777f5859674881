"""What there is to compare: features of real, of held-out and of generated samples."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxgan.errors import ConfigError


class Features(NamedTuple):
    """What metrics see of n samples.

    Attributes:
        features: Of the feature network; points as they are.
        class_logits: Of a network that classifies.
        labels: Their classes, where they are known. Of generated samples: the classes that a
            conditional generator was asked for; None for an unconditional one.
    """

    features: Float[np.ndarray, "n d"]
    class_logits: Float[np.ndarray, "n c"] | None = None
    labels: Int[np.ndarray, "n"] | None = None

    def rows(self, indices: Int[np.ndarray, "m"] | slice) -> "Features":
        """Some of the samples."""
        return jax.tree.map(lambda x: x[indices], self)


class Sides(NamedTuple):
    """What a metric may compare.

    Attributes:
        real: What the generator is trained on.
        fake: What is scored.
        held_out: Real samples that are not among `real`; None without any.
        num_classes: Of the data set; None without labels.
        mixture: The centers [k, 2] and the standard deviation of the true modes, where they are
            known (`jaxgan.data.Mixture`).
        curve: The axes [d, 2] of a plane and points [k, 2] of a curve in it, where real samples
            follow one (`jaxgan.data.Curve`).
        sample_rate: Of waveforms, in Hz; None where samples are none.
    """

    real: Features
    fake: Features
    held_out: Features | None = None
    num_classes: int | None = None
    mixture: tuple[Float[np.ndarray, "k 2"], float] | None = None
    curve: tuple[Float[np.ndarray, "d 2"], Float[np.ndarray, "j 2"]] | None = None
    sample_rate: int | None = None

    @property
    def classified(self) -> bool:
        """Whether the data set's own classifier has seen the generated samples."""
        logits = self.fake.class_logits
        return logits is not None and logits.shape[1] == self.num_classes

    def predicted_classes(self) -> tuple[Int[np.ndarray, "m"], int]:
        """The class that the classifier gives to each generated sample, of how many.

        Raises:
            ConfigError: There is no classifier of the data set's classes.
        """
        logits, num_classes = self.fake.class_logits, self.num_classes
        if logits is None or num_classes is None or not self.classified:
            raise ConfigError(f"it needs {CLASSIFIER}")
        return logits.argmax(axis=1), num_classes


CLASSIFIER = "a labelled data set and --features classifier"
