"""Records of networks, and what follows from a module alone."""

import pytest
from flax import linen as nn

from jaxgan.errors import ConfigError
from jaxgan.networks import NETWORKS, Network, module_of, ranges_of
from jaxgan.registry import AT_LEAST_ONE, NON_NEGATIVE, bind, is_traced

ROLES = ("generator", "discriminator")


class Own(nn.Module):
    """A user's own module."""

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (8, 8)
    blocks: int = 2
    skipped: int = 0
    scale: float = -1.0
    deep: bool = True


@pytest.mark.parametrize("role", ROLES)
def test_a_record_gives_the_module_of_a_role_and_a_bare_module_plays_any(role):
    assert module_of(NETWORKS["mlp"], role) is getattr(NETWORKS["mlp"], role)
    assert module_of(Own, role) is Own


def test_what_plays_no_such_role_is_refused():
    with pytest.raises(ConfigError, match="the network of Own has no discriminator; choose anoth"):
        module_of(Network(generator=Own), "discriminator")
    with pytest.raises(ConfigError, match=r"'mlp' is no network; name a class of flax.linen.Modu"):
        module_of("mlp", "generator")


def test_sizes_are_at_least_one_unless_a_record_says_otherwise():
    assert ranges_of(Own, "generator") == {"widths": AT_LEAST_ONE, "blocks": AT_LEAST_ONE}
    record = Network(
        Own, ranges={"blocks": NON_NEGATIVE, "scale": NON_NEGATIVE, "other": NON_NEGATIVE}
    )
    assert ranges_of(record, "generator") == {
        "widths": AT_LEAST_ONE,
        "blocks": NON_NEGATIVE,
        "scale": NON_NEGATIVE,
    }


@pytest.mark.parametrize(
    ("name", "role", "kwargs", "message"),
    [
        ("mlp", "generator", {"widths": [8, 0]}, r"widths is \(8, 0\); it must be at least 1"),
        ("dcgan", "discriminator", {"num_outputs": 0}, "num_outputs is 0; it must be at least 1"),
        ("dcgan", "generator", {"num_classes": 0}, "num_classes is 0; it must be at least 1"),
        ("mlp", "discriminator", {"noise": -0.1}, "noise is -0.1; it must be at least 0"),
        ("mlp", "generator", {"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
    ],
)
def test_values_out_of_range_are_refused(name, role, kwargs, message):
    entry = NETWORKS[name]
    with pytest.raises(ConfigError, match=message):
        bind(module_of(entry, role), kwargs, "path", ranges_of(entry, role))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", NETWORKS)
def test_defaults_are_in_range_and_static(name, role):
    entry = NETWORKS[name]
    if getattr(entry, role) is None:
        pytest.skip(f"{name} has no {role}")
    played = [r for r in ROLES if getattr(entry, r) is not None]
    assert set(entry.ranges) <= {
        name for r in played for name in bind(module_of(entry, r), {}, "path")
    }
    bound = bind(module_of(entry, role), {}, "path", ranges_of(entry, role))
    assert not any(map(is_traced, bound.values()))
