"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import jaxgan

MODULES = [
    module.name
    for module in pkgutil.walk_packages(jaxgan.__path__, "jaxgan.")
    if not module.name.endswith("__main__")
]


def examples_of(name):
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module(name)
    return [test for test in finder.find(module, name) if test.examples]


# Their examples take more than a second each, and every loss and kernel has tests of its values.
LONG = (
    *("jaxgan.kernels.combine", "jaxgan.kernels.functions", "jaxgan.losses.correlations"),
    *("jaxgan.losses.kernel_gan", "jaxgan.losses.similarity", "jaxgan.losses.transport"),
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in MODULES],
)
def test_its_examples_are_true(name):
    for test in examples_of(name):
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        said = []
        runner.run(test, out=said.append)
        assert runner.failures == 0, "".join(said)


def test_losses_and_kernels_have_examples():
    shown = [n for n in MODULES if n.startswith(("jaxgan.losses.", "jaxgan.kernels."))]
    assert sum(len(examples_of(name)) for name in shown) >= 12
