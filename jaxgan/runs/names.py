"""Names of registry entries and of their arguments, read from the source: no jax is imported.

They answer a typing error at once. What they let pass is looked up again when a run is built; an
argument that cannot be read here, such as an optimiser's, is first checked there.
"""

import ast
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.config import Config, player_configs, role_of, term_configs
from jaxgan.registry import DATA_OPTIONS, FROZEN, SUPPLIED, check_arguments, unknown

# The package of each registry, and the decorator that puts functions into it.
_HOMES = {
    "augmentations": ("augmentations", "augmentation"),
    "datasets": ("data", "dataset"),
    "features": ("features", None),
    "games": ("games", None),
    "kernels": ("kernels", "kernel"),
    "losses": ("losses", "loss"),
    "measures": ("training", None),
    "metrics": ("metrics", "metric"),
    "networks": ("networks", None),
    "optimizers": ("training", None),
    "penalties": ("penalties", "penalty"),
}
_ROLES = ("generator", "discriminator")

# Of each function of a record, such as the two of a network: the arguments that have defaults;
# None for a function that the record does not have.
Arguments = tuple[frozenset[str] | None, ...]
_Definition = ast.FunctionDef | ast.ClassDef


@functools.cache
def entries(kind: str) -> Mapping[str, Arguments]:
    """The names in a registry, with the arguments of their functions; none where they are unread.

    An entry is a decorated function, a function passed to one that decorates it, an item of the
    registry's literal, or an item that is set. Without the package's source there are none.

    Args:
        kind: The name of a registry of `jaxgan` in lower case, such as "losses".
    """
    package, decorator = _HOMES[kind]
    files = sorted((Path(__file__).parents[1] / package).rglob("*.py"))
    nodes = [node for file in files for node in ast.parse(file.read_text("utf-8")).body]
    definitions = {node.name: node for node in nodes if isinstance(node, _Definition)}
    found = {}
    for node in nodes:
        for name, value in _entries(node, kind.upper(), decorator, definitions):
            functions = _players(value) if kind == "networks" else _functions(value)
            found[name] = tuple(
                frozenset(_arguments(definitions[function.id], definitions))
                if isinstance(function, ast.Name)
                else None
                for function in functions
                if _is_none(function) or getattr(function, "id", None) in definitions
            )
    return found


def _entries(
    node: ast.stmt, registry: str, decorator: str | None, definitions: Mapping[str, _Definition]
) -> Iterator[tuple[str, ast.expr | None]]:
    """(name, what names its functions) of each entry that a statement makes."""
    if isinstance(node, ast.FunctionDef) and decorator is not None:
        if decorator in map(_called, node.decorator_list):
            yield node.name, ast.Name(node.name)
        return
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    value = getattr(node, "value", None)
    for target in targets:
        if isinstance(target, ast.Subscript) and getattr(target.value, "id", None) == registry:
            yield ast.literal_eval(target.slice), value
        if not isinstance(target, ast.Name):
            continue
        if target.id == registry and isinstance(value, ast.Dict):
            yield from (
                (ast.literal_eval(k), v) for k, v in zip(value.keys, value.values, strict=True) if k
            )
        elif decorator is not None:
            made_by = definitions.get(_called(value) or "")
            if made_by and any(_called(n) == decorator for n in ast.walk(made_by)):
                yield target.id, None


def _functions(value: ast.expr | None) -> list[ast.expr | None]:
    """What names the functions of an entry."""
    return [*value.args] if isinstance(value, ast.Call) else [value]


def _players(value: ast.expr | None) -> list[ast.expr | None]:
    """What names the two modules of a network's record, or says that there is none."""
    if not isinstance(value, ast.Call):
        return [value]
    given = dict(zip(_ROLES, value.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in value.keywords if keyword.arg in _ROLES}
    return [given.get(role, ast.Constant(None)) for role in _ROLES]


def _is_none(node: ast.AST | None) -> bool:
    """Whether an expression says None."""
    return isinstance(node, ast.Constant) and node.value is None


def _called(node: ast.AST | None) -> str | None:
    """The name of the function that an expression calls."""
    return getattr(node.func, "id", None) if isinstance(node, ast.Call) else None


def _arguments(node: _Definition, definitions: Mapping[str, _Definition]) -> Iterator[str]:
    """The arguments of a function, or fields of a class, that have defaults."""
    if isinstance(node, ast.FunctionDef):
        given = node.args
        positional = [*given.posonlyargs, *given.args]
        yield from (a.arg for a in positional[len(positional) - len(given.defaults) :])
        yield from (a.arg for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d)
        return
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in definitions:
            yield from _arguments(definitions[base.id], definitions)
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and field.value and isinstance(field.target, ast.Name):
            yield field.target.id


class _Named(NamedTuple):
    """An entry that a config names.

    Attributes:
        kind: Its registry.
        what: What messages call an entry of it.
        name: The name.
        path: What messages call this entry.
        kwargs: The arguments that a user set.
        role: Which of the record's functions takes them.
        taken: Arguments that are not the user's to set.
    """

    kind: str
    what: str
    name: str
    path: str
    kwargs: Mapping[str, Any] = {}
    role: int = 0
    taken: tuple[str, ...] = ()


def check(config: Config) -> None:
    """Checks the names that a config has of entries and of their arguments.

    Names of data sets are left to the loader, as are MODULE:NAME. So are all names where jax is
    imported already: then the registries may hold entries of the user's own.

    Raises:
        ConfigError: an unknown name.
    """
    _check(_named(config))


def check_scores(metrics: Sequence[str], features: str | None) -> None:
    """The same for metrics and a feature network."""
    _check(_scores(metrics, features))


def _check(named: Iterator[_Named]) -> None:
    if "jax" in sys.modules:
        return
    for kind, what, name, path, kwargs, role, taken in named:
        known = entries(kind)
        if known and name not in known and ":" not in name and kind != "datasets":
            raise unknown(what, name, known)
        read = known.get(name, ())
        arguments = read[role] if role < len(read) else None
        if arguments is not None:
            check_arguments(kwargs, arguments.difference(taken), path)


def _named(config: Config) -> Iterator[_Named]:
    game = config.game
    yield _Named("games", "game", game.name, f"game {game.name}", game.kwargs, taken=SUPPLIED)
    for name, (path, player) in player_configs(config).items():
        where, role = ".".join(path), _ROLES.index(role_of(name, player))
        network, optimizer = player.network, player.optimizer
        yield _Named("optimizers", "optimizer", optimizer.name, where)
        yield _Named("networks", "network", network.name, f"{where}.network", network.kwargs, role)
    for path, term in term_configs(config).values():
        yield _Named("losses", "loss", term.name, ".".join(path), term.kwargs)
        if term.on.startswith(FROZEN):
            features = term.on.partition(":")[2]
            yield _Named("features", "features", features, ".".join(path))
    for label, penalty in config.penalties.items():
        name = penalty.name or label
        yield _Named("penalties", "penalty", name, f"penalties.{label}", penalty.kwargs)
    if chosen := config.augmentation:
        yield _Named("augmentations", "augmentation", chosen.name, "augmentation", chosen.kwargs)
    yield from _scores(config.eval_metrics, config.eval_features)
    for data in (config.data, *config.streams.values()):
        yield _Named("datasets", "data set", data.name, "data", data.kwargs, taken=DATA_OPTIONS)


def _scores(metrics: Sequence[str], features: str | None) -> Iterator[_Named]:
    for name in metrics:
        yield _Named("metrics", "metric", name, name)
    if features not in (None, "auto"):
        yield _Named("features", "features", features, features)
