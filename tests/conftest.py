"""Strict settings for every test: shapes checked at run time, no silent broadcasting of ranks.

The environment is set before jax is imported: eight forced host devices, so that tests of several
devices run everywhere; tests that need one device use `jax.devices()[0]`. What can be made again is
kept in .pytest_cache, never in the user's own cache.
"""

import gc
import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".pytest_cache"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
OPTIMISED = "JAXGAN_TEST_OPTIMISED" in os.environ
# Without its fusion emitters XLA compiles in half the time.
EMITTERS = "" if OPTIMISED else " --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8" + EMITTERS)
# Programs that tests start would each compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["JAXGAN_CACHE_DIR"] = str(CACHE / "jaxgan")
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE / "jaxgan" / "xla")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

from jaxtyping import install_import_hook

# Configs and options check themselves, and transformations rebuild pytrees with other leaves.
UNCHECKED = (
    "jaxgan.commands.eval",
    "jaxgan.commands.list",
    "jaxgan.commands.sample",
    "jaxgan.commands.train",
    "jaxgan.config",
    "jaxgan.types",
    "jaxgan.training.state",
)
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "jaxgan").rglob("*.py")
    if path.name != "__init__.py"  # which would stand for all modules of its package
]
install_import_hook([name for name in MODULES if name not in UNCHECKED], "type_checks.checked")

import jax
import pytest
from prepared_sets import images, prepare, real_data_dir  # noqa: F401 - fixtures

jax.config.update("jax_numpy_rank_promotion", "raise")
gc.set_threshold(100_000, 20, 20)  # tracing makes many objects that live on in caches


# Nearly all of the time of the tests is XLA's, and most of that goes into optimisations that change
# no test's verdict. Kernels and metrics are compiled as users compile them: a compiler's fusion
# once made one fifty times too large, and unoptimised sums of float32 have other last digits.
# `make test-all` compiles everything so.
FULLY_OPTIMISED = ("kernels", "metrics")


@pytest.fixture(scope="module", autouse=True)
def optimisation(request):
    """Lets XLA optimise less, but for the modules above and where the environment says so."""
    folder = Path(request.module.__file__).parent.name
    fully = OPTIMISED or folder in FULLY_OPTIMISED
    jax.config.update("jax_disable_most_optimizations", not fully)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def key():
    return jax.random.key(0)
