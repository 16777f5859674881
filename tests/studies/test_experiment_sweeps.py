"""What experiments say should vary: it can, and its groups build."""

import importlib
import math
import pkgutil

import pytest

import experiments
from jaxgan.config import override
from jaxgan.studies.groups import grouped
from jaxgan.studies.preparation import built
from jaxgan.studies.space import members, varying

# Members and groups, by hand.
COUNTS = {
    "ring": (27, 1),
    "grid": (15, 1),
    "ring_mmd": (40, 1),
    "digits": (9, 3),
    "mnist_dcgan": (9, 1),
    "mnist_kernel_gan": (7, 1),
    "drifting_ring": (15, 3),
}
NAMES = [module.name for module in pkgutil.iter_modules(experiments.__path__)]


def found(name):
    module = importlib.import_module(f"experiments.{name}")
    axes = dict(module.SWEEP)
    return axes, members(module.config(), axes, seeds=axes.pop("seeds", 1))


def test_all_that_vary_are_here():
    modules = {name: importlib.import_module(f"experiments.{name}") for name in NAMES}
    own = {name for name, module in modules.items() if "SWEEP" in vars(module)}
    assert own == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_members_and_groups(name):
    """A grid's; and every number is in a range that Optuna can draw from as well."""
    axes, everyone = found(name)
    assert (len(everyone), len(grouped(everyone))) == COUNTS[name]
    for axis in varying(axes):
        assert axis.low < axis.high or not isinstance(axis.values[0], float)
        assert math.isfinite(axis.high)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_groups_build(name, request):
    _, everyone = found(name)
    groups = [group[0].config for group in grouped(everyone)]
    if name.startswith("mnist"):
        data_dir = str(request.getfixturevalue("real_data_dir"))
        groups = [override(config, "data.dir", data_dir) for config in groups]
    for config in groups:
        assert built(config).source.size
