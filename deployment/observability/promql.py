"""What a PromQL expression asks for: the metrics it selects and the labels it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "15m",
    "$__interval": "15s",
    "$meid": ".*",
    "$instance": ".*",
    "$run": ".*",
}
"""Grafana's variables, and a value that makes a query of an expression."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One vector selector."""

    metric: str
    labels: frozenset[str]


def concrete(expression: str, **values: str) -> str:
    """An expression without Grafana's variables; ``rate_interval="5s"`` overrides the value given here."""
    chosen = VARIABLES | {f"$__{name}": value for name, value in values.items()}
    for variable in sorted(chosen, key=len, reverse=True):
        expression = expression.replace(variable, chosen[variable])
    return expression


def parse(expression: str) -> Any:
    """The syntax tree.

    Raises:
        ValueError: it is no PromQL.
    """
    return promql_parser.parse(concrete(expression))


def selections(expression: str) -> list[Selection]:
    """Every vector selector of an expression."""
    return [Selection(node.name or "", _labels(node)) for node in _walk(parse(expression)) if _is_vector(node)]


def grouped_labels(expression: str) -> frozenset[str]:
    """Labels that ``by (...)`` keeps anywhere in the expression."""
    kept = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return frozenset(label.strip() for group in kept for label in group.split(",") if label.strip())


def _is_vector(node: Any) -> bool:
    return isinstance(node, promql_parser.VectorSelector)


def _labels(node: Any) -> frozenset[str]:
    return frozenset(matcher.name for matcher in node.matchers.matchers)


def _walk(node: Any) -> Iterator[Any]:
    if node is None:
        return
    if isinstance(node, promql_parser.MatrixSelector):
        yield from _walk(node.vector_selector)
        return
    yield node
    for name in ("expr", "lhs", "rhs"):
        yield from _walk(getattr(node, name, None))
    for argument in getattr(node, "args", None) or ():
        yield from _walk(argument)
