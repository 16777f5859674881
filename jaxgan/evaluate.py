"""Scores a generator against real data, with the metrics that suit the data set.

Mixtures: modes, share of high quality and reverse KL (`jaxgan.metrics.mixture_modes`). Labelled
images: classes covered, KL of their histogram, FID and KID, all on the features of a small
classifier of that data set, which is trained once and cached. These are named `classifier_fid` and
`classifier_kid`: they cannot be compared with figures on Inception features.
"""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxgan.config import Config, DataConfig
from jaxgan.data import Source, cache_directory, load, to_uint8, whole
from jaxgan.errors import ConfigError
from jaxgan.features import FeatureNetwork, extract, load_classifier
from jaxgan.metrics import class_coverage, fid, kid, mixture_modes
from jaxgan.state import GANState, sample
from jaxgan.steps import Latents

Scores = dict[str, float]
Evaluator = Callable[[GANState, PRNGKeyArray], Scores]

# Images for the real side of FID and KID, and the generator's batch.
_MAX_REAL = 10_000
_BATCH = 500

_sample = jax.jit(sample, static_argnames="ema")


def draw(
    state: GANState, key: PRNGKeyArray, num: int, latents: Latents, *, ema: bool = True
) -> np.ndarray:
    """`num` samples of the generator [num, ...], on the host, made in batches of one size."""
    batch = min(num, _BATCH)
    starts = range(0, num, batch)
    z = latents(key, len(starts) * batch)
    parts = [_sample(state, z[start : start + batch], ema=ema) for start in starts]
    return np.concatenate([np.asarray(part) for part in parts])[:num]


def score_names(source: Source) -> tuple[str, ...]:
    """The scores of a data set; the lowest value of the first marks the best generator."""
    if source.mixture is not None:
        return "eval/reverse_kl", "eval/modes", "eval/high_quality", "eval/std_ratio"
    if source.num_classes is None:
        return ()
    return (
        "eval/classifier_fid",
        "eval/classifier_kid",
        "eval/classes",
        "eval/class_kl",
        "eval/classifier_accuracy",
    )


def make_evaluator(
    config: Config, source: Source, latents: Latents, *, log: Callable[[str], None] = print
) -> Evaluator | None:
    """A function from (state, key) to scores; None for images without labels.

    Args:
        config: Says how many samples to draw, and how the data set is read.
        source: What the generator is trained on.
        latents: Draws z.
        log: Told when a classifier is trained, and how good it is.
    """
    if source.mixture is not None:
        return _mixture_evaluator(source, latents, config.num_eval_samples)
    if source.num_classes is None:
        return None
    network = _classifier(config.data, source, log)
    return _image_evaluator(source, network, latents, config.num_eval_samples)


def _mixture_evaluator(source: Source, latents: Latents, num_samples: int) -> Evaluator:
    mixture = source.mixture
    assert mixture is not None

    def evaluate(state: GANState, key: PRNGKeyArray) -> Scores:
        samples = draw(state, key, num_samples, latents)
        scores = mixture_modes(samples, mixture.centers, mixture.sigma)
        return {f"eval/{name}": float(value) for name, value in scores._asdict().items()}

    return evaluate


def _image_evaluator(
    source: Source, network: FeatureNetwork, latents: Latents, num_samples: int
) -> Evaluator:
    real = source.read(np.arange(min(source.size, _MAX_REAL))).real
    real_features, _ = extract(network, real)
    num_classes = source.num_classes
    assert num_classes is not None

    def evaluate(state: GANState, key: PRNGKeyArray) -> Scores:
        samples_key, subsets_key = jax.random.split(key)
        # Scored as the picture shows them: rounded to bytes, like the real ones.
        samples = to_uint8(draw(state, samples_key, num_samples, latents))
        features, class_logits = extract(network, samples)
        coverage = class_coverage(class_logits.argmax(axis=1), num_classes=num_classes)
        distance = kid(
            real_features,
            features,
            subset_size=min(1000, len(real_features), num_samples),
            key=subsets_key,
        )
        return {
            "eval/classifier_fid": fid(real_features, features),
            "eval/classifier_kid": float(distance.mean),
            "eval/classes": coverage.classes,
            "eval/class_kl": coverage.kl,
            "eval/classifier_accuracy": network.accuracy,
        }

    return evaluate


def _classifier(config: DataConfig, source: Source, log: Callable[[str], None]) -> FeatureNetwork:
    """The classifier of the data set: of its split "train", tested on its split "test".

    Where there is no such split, the last tenth of "train" stands for it.
    """

    def split(name: str) -> Source:
        return load(
            config.name, split=name, data_dir=config.dir, resize=config.resize, pad=config.pad
        )

    try:
        train, test = split("train"), split("test")
    except ConfigError:
        train, test = split("train[:90%]"), split("train[90%:]")
    assert source.num_classes is not None
    identity = train.name, train.version, train.split, test.version
    return load_classifier(
        cache_directory(),
        fingerprint="/".join(map(str, identity)),
        train_data=partial(whole, train),
        test_data=partial(whole, test),
        num_classes=source.num_classes,
        log=log,
    )
