"""Train, evaluate, put, publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rapp.a1_publisher import Publication
from rapp.evaluation import Verdict
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_store import StoredVersion


class Store(Protocol):
    """The model store, at hand or over gRPC."""

    def put(self, model: ModelFile) -> StoredVersion: ...


class Publisher(Protocol):
    """Tells the xApp which version to serve."""

    def publish(self, stored: StoredVersion, allocator: str) -> Publication: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a candidate came."""

    verdict: Verdict
    stored: StoredVersion | None = None
    """None where the gate refused it."""
    publication: Publication | None = None

    @property
    def serving(self) -> bool:
        return self.publication is not None and self.publication.enforced


def run(
    train: Callable[[], ModelFile],
    evaluate: Callable[[ModelFile], Verdict],
    store: Store,
    publisher: Publisher,
) -> Outcome:
    """Nothing is stored or published that failed the gate; a refusal is an outcome, not an error.

    Raises:
        SuiteError: whatever stopped one of the four steps.
    """
    model = train()
    verdict = evaluate(model)
    if not verdict.accepted:
        return Outcome(verdict)
    stored = store.put(with_metrics(model, verdict))
    return Outcome(verdict, stored, publisher.publish(stored, model.manifest.allocator))


def with_metrics(model: ModelFile, verdict: Verdict) -> ModelFile:
    """The model with the gate's findings in its manifest."""
    gate: dict[str, Any] = {"scenario": verdict.scenario, "seed": verdict.seed, "drops": verdict.num_drops}
    changes = {"metrics": verdict.metrics, "training": model.manifest.training | {"gate": gate}}
    return ModelFile(model.manifest.model_copy(update=changes), model.weights)
