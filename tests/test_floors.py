"""A module imports only from lower floors, and only the command line imports tyro."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jaxgan"

# From the ground up; a package counts as one module.
FLOORS = (
    ("errors", "runtime", "types"),
    ("files", "registry"),
    ("config", "collectives"),
    ("kernels", "networks"),
    ("losses", "metrics", "penalties"),
    ("games", "training", "data"),
    ("features",),
    ("evaluation", "runs"),
    ("cli",),
    ("__main__",),
)
HEIGHT = {module: height for height, floor in enumerate(FLOORS) for module in floor}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_come_from_lower_floors(path):
    module = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "jaxgan" and len(parts) > 1 and parts[1] != module:
            assert HEIGHT[parts[1]] < HEIGHT[module], f"{module} imports {name}"
        assert parts[0] != "tyro" or module == "cli"


def test_every_module_has_a_floor():
    assert {p.relative_to(PACKAGE).parts[0].removesuffix(".py") for p in FILES} == set(HEIGHT)
