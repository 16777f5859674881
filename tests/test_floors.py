"""The layout of the package: who may import what, who knows names, and how long a file may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "jaxgan"

# From the ground up; a package counts as one module.
FLOORS = (
    (
        "errors",
        "types",
        "ramp",
        "numerics",
        "purposes",
        "files",
        "image_files",
        "runtime",
        "pixels",
    ),
    ("registry", "fields", "config", "collectives", "kernels"),
    ("losses", "penalties", "augmentations", "networks", "metrics"),
    ("games",),
    ("training",),
    ("data", "features", "evaluation"),
    ("runs",),
    ("studies",),
    ("flags", "commands", "cli"),
    ("__main__",),
)
HEIGHT = {module: height for height, floor in enumerate(FLOORS) for module in floor}

# What may be imported from the same floor, in this order alone.
SAME_FLOOR = {
    "pixels": {"types"},
    "image_files": {"errors"},
    "kernels": {"registry"},
    "config": {"registry", "fields"},
    "fields": {"registry"},
    "penalties": {"augmentations"},
    "features": {"data"},
    "evaluation": {"data", "features"},
    "commands": {"flags"},
    "cli": {"flags", "commands"},
}

# The one place below which no config and no name of a registry is known.
NAMES_ARE_LOOKED_UP_IN = "runs"
REGISTRIES = {
    *("LOSSES", "KERNELS", "PENALTIES", "AUGMENTATIONS", "NETWORKS", "METRICS"),
    *("DATASETS", "FEATURES", "GAMES", "OPTIMIZERS", "MEASURES"),
}

FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")
PACKAGES = sorted(p.parent for p in PACKAGE.rglob("*/__init__.py"))
LONGEST = 400


def show(path):
    return str(path.relative_to(ROOT))


def top(path):
    """The module or package of jaxgan that a file is, or is in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """The dotted name of everything that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{show(path)} has a relative import; write its full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def internal(path):
    """Of what a file imports, the modules of other packages of jaxgan."""
    names = (name.split(".") for name in imports(path))
    return {parts[1] for parts in names if parts[0] == "jaxgan" and len(parts) > 1} - {top(path)}


def file_of(name):
    """The file that is imported for a dotted name; None outside of jaxgan."""
    path = ROOT.joinpath(*name.split("."))
    while path != ROOT:
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists() and PACKAGE in file.parents:
                return file
        path = path.parent
    return None


@pytest.mark.parametrize("path", FILES, ids=show)
def test_imports_come_from_lower_floors(path):
    module = top(path)
    for name in internal(path):
        lower = HEIGHT[name] < HEIGHT[module] or name in SAME_FLOOR.get(module, ())
        assert lower, f"{show(path)} imports {name}, which is not below {module}"


def test_every_module_has_a_floor():
    assert {top(path) for path in FILES} == set(HEIGHT)


def test_no_module_imports_itself_by_way_of_others():
    """Also within a package, whose `__init__` none of its own modules may import."""
    graph = {}
    for path in [*FILES, PACKAGE / "__init__.py"]:
        graph[path] = {file_of(name) for name in imports(path)} - {None, path}
    done, active = set(), []

    def visit(path):
        assert path not in active, " -> ".join(map(show, [*active[active.index(path) :], path]))
        if path not in done:
            active.append(path)
            for needed in sorted(graph[path]):
                visit(needed)
            done.add(active.pop())

    for path in graph:
        visit(path)


@pytest.mark.parametrize("path", FILES, ids=show)
def test_configs_and_names_stay_in_the_upper_floors(path):
    """A registry is its own package's affair, and else that of those who look names up."""
    module, names = top(path), set(imports(path))
    assert "tyro" not in {name.split(".")[0] for name in names} or module in ("flags", "cli")
    if HEIGHT[module] >= HEIGHT[NAMES_ARE_LOOKED_UP_IN]:
        return
    assert "config" not in internal(path), f"{show(path)} knows the config"
    foreign = {
        name
        for name in names
        if name.rpartition(".")[2] in REGISTRIES and not name.startswith(f"jaxgan.{module}.")
    }
    attributes = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in REGISTRIES
    }
    assert not foreign | attributes, f"{show(path)} looks into a registry of another package"


def test_every_registry_is_known_here():
    """So that a new one comes under the rule above: a dict in capitals that a package exports."""
    found = set()
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", 0)]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            is_dict = isinstance(getattr(node, "value", None), ast.Dict | ast.DictComp)
            exported = exports(path.parent) if path.parent != PACKAGE else set()
            found |= {name for name in names & exported if is_dict and name.isupper()}
    found -= {"ACTIVATIONS", "NORMS", "RANGES"}  # neither named by a config nor looked up
    assert {"LOSSES", "KERNELS", "NETWORKS", "METRICS", "GAMES"} <= found <= REGISTRIES


def exports(package):
    """The names in `__all__` of a package."""
    for node in ast.parse((package / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("package", PACKAGES, ids=show)
def test_no_module_is_shadowed_by_what_its_package_exports(package):
    modules = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert not modules & exports(package)


@pytest.mark.parametrize("folder", ["jaxgan", "experiments", "benchmarks"])
def test_no_file_is_too_long(folder):
    lengths = {show(p): len(p.read_text().splitlines()) for p in (ROOT / folder).rglob("*.py")}
    assert lengths and not {name: n for name, n in lengths.items() if n > LONGEST}
