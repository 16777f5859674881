"""The record of a metric: the function, what it reports and what it needs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from jaxtyping import PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.sides import CLASSIFIER, Sides
from jaxgan.registry import asks_for, lookup

Figures = dict[str, Estimate]
Compute = Callable[[Sides, PRNGKeyArray], Figures]
Function = TypeVar("Function", bound=Callable[..., Any])


class Need(NamedTuple):
    """What a metric may need besides features of real and of generated samples.

    Attributes:
        given: Whether it is there.
        text: What it is, and how to get it.
    """

    given: Callable[[Sides], bool]
    text: str


NEEDS: dict[str, Need] = {
    "curve": Need(
        lambda sides: sides.curve is not None, "data that follows a known curve, such as spiral"
    ),
    "asked": Need(
        lambda sides: sides.fake.labels is not None,
        "the classes that were asked for: a conditional generator",
    ),
    "class_logits": Need(
        lambda sides: sides.fake.class_logits is not None,
        "class logits: --features classifier or inception",
    ),
    "classifier": Need(lambda sides: sides.classified, CLASSIFIER),
    "held_out": Need(
        lambda sides: sides.held_out is not None, "held-out samples: a data set with a split 'test'"
    ),
    "labels": Need(lambda sides: sides.real.labels is not None, "a labelled data set"),
    "mixture": Need(
        lambda sides: sides.mixture is not None,
        "a mixture whose modes are known, such as ring or grid",
    ),
    "sample_rate": Need(
        lambda sides: sides.sample_rate is not None, "waveforms: data with a sample rate, as sines"
    ),
}


class Metric(NamedTuple):
    """An entry of METRICS. It is called as its function is.

    Attributes:
        function: The metric, which `jaxgan.metrics` exports under its name in METRICS.
        figures: The names of the numbers that it reports, in order; its own name if there are none.
        higher_is_better: Those of which the highest value is the best; of all others the lowest is.
        needs: What it needs, of NEEDS, besides features of real and of generated samples.
        on_features: Whether figures depend on the feature network: then its name stands before
            theirs, for they cannot be compared with those of another network.
        compute: (sides, key) -> figures. By default the function is called with the real and the
            generated features, and with the key if it asks for one; it returns a number, or a tuple
            with the figures as fields.
    """

    function: Callable[..., Any]
    figures: tuple[str, ...] = ()
    higher_is_better: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    on_features: bool = True
    compute: Compute | None = None

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """What the function returns."""
        return self.function(*inputs, **options)

    @property
    def reports(self) -> tuple[str, ...]:
        """The names of the numbers that it reports."""
        return self.figures or (self.function.__name__,)

    def full_names(self, features: str | None) -> dict[str, str]:
        """Its figures by the names under which they are shown, such as "classifier_fid"."""
        prefix = f"{features}_" if features and self.on_features else ""
        return {f"{prefix}{figure}": figure for figure in self.reports}

    def measure(self, sides: Sides, key: PRNGKeyArray) -> Figures:
        """Its figures.

        Args:
            sides: What there is to compare.
            key: For metrics that draw at random.

        Raises:
            ConfigError: What is missing, or what the function refuses.
        """
        for need in self.needs:
            given, text = lookup(NEEDS, need, "need")
            if not given(sides):
                raise ConfigError(f"it needs {text}")
        if self.compute is not None:
            return self.compute(sides, key)
        keys = {"key": key} if "key" in asks_for(self.function) else {}
        found = self.function(sides.real.features, sides.fake.features, **keys)
        values: Mapping[str, Any] = (
            found._asdict() if hasattr(found, "_asdict") else {self.reports[0]: found}
        )
        return {figure: _estimate(values[figure]) for figure in self.reports}

    def describe(self) -> str:
        """A line for lists: what it reports, which way is better, what it needs."""
        directions = (
            f"{figure} ({'higher' if figure in self.higher_is_better else 'lower'} is better)"
            for figure in self.reports
        )
        needs = "".join(f" Needs {NEEDS[need].text}." for need in self.needs)
        return f"Reports {', '.join(directions)}.{needs}"


METRICS: dict[str, Metric] = {}


def metric(
    *,
    figures: tuple[str, ...] = (),
    higher_is_better: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    on_features: bool = True,
    compute: Compute | None = None,
) -> Callable[[Function], Function]:
    """Puts the decorated function into METRICS, under its own name, and returns it unchanged.

    Args:
        figures: As in `Metric`.
        higher_is_better: As in `Metric`.
        needs: As in `Metric`.
        on_features: As in `Metric`.
        compute: As in `Metric`.
    """

    def register(function: Function) -> Function:
        METRICS[function.__name__] = Metric(
            function, figures, higher_is_better, needs, on_features, compute
        )
        return function

    return register


def _estimate(value: Any) -> Estimate:
    return value if isinstance(value, Estimate) else Estimate(float(value), float("nan"))
