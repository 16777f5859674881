"""Which members share a program: floats and seeds never part them, all else does."""

import dataclasses

import pytest
from programs import RING

from jaxgan.config import Ramp, TermConfig, override
from jaxgan.studies.groups import grouped, static_part, whole
from jaxgan.studies.space import members

KERNEL = dataclasses.replace(RING, loss=TermConfig(name="mmd_gaussian", on="images"))


def config_with(config, **changes):
    for path, value in changes.items():
        config = override(config, path.replace("__", "."), value)
    return config


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (RING, {"seed": 3}),
        (RING, {"generator__learning_rate": 0.5}),
        (RING, {"ema_half_life": 0.0}),
        (KERNEL, {"loss__kwargs__bandwidth": 2.0}),
        (KERNEL, {"loss__weight": 0.0}),
    ],
)
def test_floats_and_seeds_are_traced(config, changes):
    assert static_part(config) == static_part(config_with(config, **changes))
    assert (whole(config) == whole(config_with(config, **changes))) == ("seed" in changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"latent__dim": 3},
        {"loss__name": "hinge"},
        {"discriminator_share": 0.5},  # there is none before
        {"generator__learning_rate": Ramp(0.1, 0.0)},
        {"data__batch_size": 8},
    ],
)
def test_all_else_is_static(changes):
    assert static_part(RING) != static_part(config_with(RING, **changes))


def test_of_ramps_and_tuples_the_form_is_static():
    ramp = config_with(RING, generator__learning_rate=Ramp(0.1, 0.01, steps=10))
    for other, same in (
        (Ramp(0.3, 0.2, steps=10), True),
        (Ramp(0.1, 0.01, steps=11), False),
        (Ramp(0.1, 0.01, steps=10, shape="cosine"), False),
        (Ramp(0.1, 0.01, steps=10, warmup=2), False),
    ):
        changed = config_with(RING, generator__learning_rate=other)
        assert (static_part(ramp) == static_part(changed)) == same
    mixture = config_with(KERNEL, loss__name="mmd_gaussian_mixture")
    one, other, longer = (
        static_part(config_with(mixture, loss__kwargs__bandwidths=values))
        for values in ((0.1, 0.2), (0.3, 0.4), (0.1, 0.2, 0.3))
    )
    assert one == other != longer


def test_what_is_fitted_once_is_static():
    fitted = config_with(KERNEL, loss__name="mmd_reference")
    one, other = (
        static_part(config_with(fitted, loss__kwargs__bandwidths=(b,))) for b in (0.1, 0.2)
    )
    from jaxgan.losses import LOSSES

    assert (one == other) == ("bandwidths" not in LOSSES["mmd_reference"].fitted)


def test_groups_keep_the_order():
    axes = {"generator.learning_rate": "0.1,0.2", "loss.name": "hinge,wasserstein"}
    found = grouped(members(RING, axes))
    assert [[member.index for member in group] for group in found] == [[0, 2], [1, 3]]
