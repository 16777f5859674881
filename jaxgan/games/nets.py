"""The networks of a game, as functions of whole batches."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
from flax import linen as nn
from jax.extend.core import get_opaque_trace_state
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.types import PyTree

Latents = Callable[[PRNGKeyArray, int], Float[Array, "n latent"]]
Variables = Mapping[str, PyTree]  # of one network: params and batch_stats


class Slices:
    """Which array is the gathered form of which slice of a batch, on one device of an axis.

    A network that is applied to an array that was gathered takes the slice it was gathered from.
    The gathered array itself is then computed only where a loss compares it as a whole.
    """

    def __init__(self, axis_name: str | None) -> None:
        self.axis_name = axis_name
        # By identity; the array is kept too, or another one could get its id.
        self._slices: dict[int, tuple[Array, Array]] = {}

    def gather(self, x: Shaped[Array, "n ..."]) -> Shaped[Array, "m ..."]:
        """The batch of all devices."""
        if self.axis_name is None:
            return x
        whole = collectives.gather(x, self.axis_name)
        self._slices[id(whole)] = whole, x
        return whole

    def knows(self, x: Any) -> bool:
        """Whether the array was gathered here."""
        return id(x) in self._slices

    def local(self, x: Any) -> Any:
        """This device's slice of a batch; scalars stay as they are."""
        if self.axis_name is None or not getattr(x, "ndim", 0):
            return x
        if self.knows(x):
            return self._slices[id(x)][1]
        return collectives.local_slice(x, self.axis_name)


class Nets:
    """The networks of a game: `nets.generator(z, labels)`, `nets.discriminator(x).features`.

    A network takes and returns whole batches. Under an axis name each device applies it to its own
    slice, and the outputs are gathered; a module with the attribute `whole_batch = True` is applied
    to the whole batch everywhere, such as a kernel with a learned bandwidth. Statistics, such as
    those of batch norm, pass from call to call. Stochastic layers get a key for each call.

    Attributes:
        latents: (key, n) -> z [n, latent].
        reference: What `Game.fit` made.
        axis_name: The device axis under pmap or shard_map; None under jit.
        steps: The updates that each player has had.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        variables: Mapping[str, Variables],
        *,
        key: PRNGKeyArray,
        latents: Latents,
        reference: PyTree = None,
        steps: Mapping[str, Array] | None = None,
        train: bool = True,
        slices: Slices | None = None,
        init_keys: Mapping[str, PRNGKeyArray] | None = None,
    ) -> None:
        """Makes the functions.

        Args:
            modules: The networks, by name.
            variables: Their parameters and statistics.
            key: For stochastic layers.
            latents: Draws z.
            reference: What `Game.fit` made.
            steps: The updates that each player has had.
            train: Whether statistics are updated, and stochastic layers draw.
            slices: What was gathered, shared by all `Nets` of a step.
            init_keys: Networks without variables are initialised by their first call, with these.
        """
        self._modules, self._key, self._train = modules, key, train
        self._slices = slices or Slices(None)
        self._init_keys = init_keys or {}
        self._calls: dict[str, int] = {}
        self._trace = get_opaque_trace_state(convention="flax")
        self._before, self.variables = variables, dict(variables)
        self.latents, self.reference = latents, reference
        self.axis_name = self._slices.axis_name
        self.steps = steps or {}
        for name in modules:
            if name.startswith("_") or name in vars(self) or hasattr(Nets, name):
                raise ConfigError(
                    f"no network can be called {name!r}, since nets.{name} is something else; "
                    f"rename networks.{name}"
                )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The network of this name."""
        if name.startswith("_"):
            raise AttributeError(name)
        self._check(name)
        return partial(self._call, name)

    @property
    def called(self) -> frozenset[str]:
        """The networks that were called."""
        return frozenset(self._calls)

    def fixed(self, name: str) -> Callable[..., Any]:
        """A network as a pure function, for use inside `jax.grad` and other transformations.

        Its statistics are those from before this step, and stay so. Under an axis name it is a
        function of this device's slices (`local`), not of whole batches. It must have been called
        before, since networks are initialised by their first call. Its stochastic layers draw the
        same in every call, unless `part` numbers the part of a batch that they are applied to.
        """
        self._check(name)
        rngs = self._rngs(name)

        def apply(*inputs: Any, part: Any = None, **options: Any) -> Any:
            keys = rngs
            if part is not None:
                keys = {stream: jax.random.fold_in(key, part) for stream, key in rngs.items()}
            module = self._modules[name]
            variables = self._before.get(name) or self.variables.get(name)
            if variables is None:
                raise ConfigError(
                    f"nets.fixed({name!r}) is used before the first call of nets.{name}, which "
                    "initialises it; call that first"
                )
            if not self._train:
                return module.apply(variables, *inputs, train=False, **options)
            output, _ = module.apply(
                variables, *inputs, train=True, rngs=keys, mutable=["batch_stats"], **options
            )
            return output

        return apply

    def local(self, x: Any) -> Any:
        """This device's slice of a whole batch; the batch itself under jit."""
        return self._slices.local(x)

    def gather(self, x: Shaped[Array, "n ..."]) -> Shaped[Array, "m ..."]:
        """The whole batch of which each device has a slice: the inverse of `local`."""
        return self._slices.gather(x)

    def _call(self, name: str, *inputs: Any, **options: Any) -> Any:
        if self._train and self._trace != get_opaque_trace_state(convention="flax"):
            raise ConfigError(
                f"nets.{name} is called inside jax.grad, vmap, scan or another transformation, "
                f"where its new statistics would be lost; call nets.fixed({name!r}) there"
            )
        module = self._modules[name]
        whole = getattr(module, "whole_batch", False)
        slices = inputs if whole else jax.tree.map(self.local, inputs)
        rngs = self._rngs(name)
        if name not in self.variables:
            rngs["params"] = self._init_keys[name]
            output, made = module.init_with_output(rngs, *slices, train=True, **options)
            self.variables[name] = {c: made.get(c, {}) for c in ("params", "batch_stats")}
        elif self._train:
            output, new = module.apply(
                self.variables[name],
                *slices,
                train=True,
                rngs=rngs,
                mutable=["batch_stats"],
                **options,
            )
            if not self._init_keys:  # an initial state has seen no data
                self.variables[name] = {**self.variables[name], **new}
        else:
            output = module.apply(self.variables[name], *slices, train=False, **options)
        if name.startswith("discriminator") and isinstance(output, jax.Array):
            raise ConfigError(
                f"network {name!r} returns an array of shape {output.shape}; a discriminator "
                "returns jaxgan.Outputs(logits=..., features=...): wrap it"
            )
        return output if whole else jax.tree.map(self.gather, output)

    def _check(self, name: str) -> None:
        if name not in self._modules:
            raise ConfigError(
                f"the game calls network {name!r}, and the config has {', '.join(self._modules)}; "
                f"add it as networks.{name}"
            )

    def _rngs(self, name: str) -> dict[str, PRNGKeyArray]:
        """The keys of one call: "noise" is one for all devices, "dropout" one for each."""
        self._calls[name] = self._calls.get(name, 0) + 1
        noise = jax.random.fold_in(self._key, zlib.crc32(f"{name}{self._calls[name]}".encode()))
        dropout = jax.random.fold_in(noise, 1)
        if self.axis_name is not None:
            dropout = jax.random.fold_in(dropout, jax.lax.axis_index(self.axis_name))
        return {"noise": noise, "dropout": dropout}
