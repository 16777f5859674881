"""Does a conditional generator make what it is asked for?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, PRNGKeyArray, Shaped

from jaxgan.metrics.checks import AnyArray, check_labels
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides


class ClassAgreement(NamedTuple):
    """How many samples a classifier reads as the class that was asked for.

    Attributes:
        share: Of all samples, in [0, 1].
        per_class: Of the samples of each class, in the order of the labels; NaN for a class that
            was not asked for.
    """

    share: Estimate
    per_class: tuple[Estimate, ...]


def _of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    assert sides.fake.labels is not None
    predicted, num_classes = sides.predicted_classes()
    found = class_agreement(sides.fake.labels, predicted, num_classes=num_classes)
    return {"class_agreement": found.share}


@metric(
    higher_is_better=("class_agreement",),
    needs=("asked", "classifier"),
    on_features=False,
    compute=_of_sides,
)
def class_agreement(
    asked: Shaped[AnyArray, "n"], predicted: Shaped[AnyArray, "_n"], *, num_classes: int
) -> ClassAgreement:
    """The share of samples that a classifier reads as the class that was asked for.

    The classifier errs too: the share of real samples that it reads as their class bounds what a
    generator can be expected to get. Standard errors are those of independent draws.

    Args:
        asked: The class that the generator was asked for, an integer for each sample.
        predicted: The class that a classifier, trained on real samples alone, gives to it.
        num_classes: How many classes there are.

    Raises:
        ConfigError: The labels are not one of 0 .. num_classes - 1 for each sample.

    Source: Odena, Olah and Shlens 2017, Conditional Image Synthesis with Auxiliary Classifier GANs,
    https://arxiv.org/abs/1610.09585, section 4.1; Shmelkov, Schmid and Alahari 2018, How good is my
    GAN?, https://arxiv.org/abs/1807.09499, where it is called GAN-test.

    >>> import numpy as np
    >>> class_agreement(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), num_classes=2).share.value
    0.75
    """
    asked, predicted = (
        check_labels(name, labels, rows=len(asked), num_classes=num_classes)
        for name, labels in (("asked", asked), ("predicted", predicted))
    )
    agree = asked == predicted
    per_class = tuple(_share(agree[asked == c]) for c in range(num_classes))
    return ClassAgreement(_share(agree), per_class)


def _share(hits: Bool[np.ndarray, "n"]) -> Estimate:
    n = len(hits)
    if n < 2:
        return Estimate(hits.mean() if n else np.nan, np.nan)
    return Estimate(hits.mean(), hits.std(ddof=1) / np.sqrt(n))
