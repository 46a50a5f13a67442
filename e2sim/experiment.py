"""Experiments: a scenario and the axis along which a paper's figure varies it, read from YAML.

Every point of an experiment is a scenario of its own, made by :func:`e2sim.scenario.varied`. Where a figure varies
something that is drawn or asked for and no property of the radio (which users are active, what they demand), the axis
names it and the scenario stays; whoever runs the experiment reads the value of the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from e2sim.scenario import Scenario, load, varied
from oran.errors import ConfigError

EXPERIMENT_DIRECTORY = Path(__file__).parent / "experiments"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Step(_Frozen):
    """One value on an axis."""

    value: float
    set: dict[str, Any] = {}
    """Fields of the scenario that take other values than this one, by dotted path."""


class Axis(_Frozen):
    """What is varied."""

    label: Annotated[str, Field(min_length=1)]
    unit: str = ""
    fields: tuple[str, ...] = ()
    """Fields of the scenario that take the value of the step, by dotted path; none: it is no field of a scenario."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    """Plain numbers stand for steps that set nothing else."""

    @field_validator("steps", mode="before")
    @classmethod
    def _plain_numbers(cls, steps: Any) -> Any:
        if not isinstance(steps, list):
            return steps
        return [{"value": step} if isinstance(step, int | float) else step for step in steps]

    def changes(self, step: Step) -> dict[str, Any]:
        """The step as arguments of :func:`~e2sim.scenario.varied`."""
        value = int(step.value) if step.value == int(step.value) else step.value
        every = dict.fromkeys(self.fields, value) | step.set
        return {path.replace(".", "__"): new for path, new in every.items()}


class Experiment(_Frozen):
    """One figure or table of a paper, or several that vary the same thing."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    paper: Literal[1, 2, 5]
    figures: Annotated[tuple[str, ...], Field(min_length=1)]
    """As the paper numbers them."""
    description: str
    held: str
    """What stays while the axis is varied."""
    base: str
    """Name of a scenario."""
    axis: Axis
    curves: Axis | None = None
    """A second axis, one curve a step."""

    def points(self) -> Iterator[Point]:
        """Every point, curve by curve.

        Raises:
            ConfigError: no such scenario or field, or a value out of range.
        """
        base = load(self.base)
        curves = (None,) if self.curves is None else self.curves.steps
        for curve in curves:
            on_curve = {} if curve is None or self.curves is None else self.curves.changes(curve)
            for step in self.axis.steps:
                radio = varied(base, **(on_curve | self.axis.changes(step)))
                yield Point(radio, step.value, None if curve is None else curve.value)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of an experiment."""

    scenario: Scenario
    value: float
    """On the axis."""
    curve: float | None
    """On the second axis; None where there is none."""


def load_experiment(name_or_path: str | Path) -> Experiment:
    """An experiment by the name of one that comes with the suite, or from a YAML file.

    Raises:
        ConfigError: no such file, not YAML, or a field is wrong.
    """
    path = _locate(name_or_path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("experiment", str(path), f"cannot be read: {error}") from error
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "experiment"
        raise ConfigError(where, first.get("input"), first["msg"]) from error


def experiment_names() -> list[str]:
    """Names of the experiments that come with the suite."""
    return sorted(path.stem for path in EXPERIMENT_DIRECTORY.glob("*.yaml"))


def _locate(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return path
    known = EXPERIMENT_DIRECTORY / f"{path}.yaml"
    if path.name != str(path) or not known.is_file():
        raise ConfigError(
            "experiment", str(name_or_path), f"is no YAML file; known are {', '.join(experiment_names())}"
        )
    return known
