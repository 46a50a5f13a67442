"""``python -m rapp rollout``: walk a model into service, with what it shows on the way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.status import Status
from rich.table import Table

from oran.errors import ConfigError, DecodeError
from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client, Canary, GuardRules, ModelPolicy
from rapp.a1_publisher import A1Publisher
from rapp.evidence import Evidence, XappMetrics
from rapp.journal import Journal
from rapp.rollout import Rollout, RolloutPlan, RolloutProgress, RolloutState, Stage, opened
from xapps import allocators
from xapps.runtime.model_store import ModelStoreClient

console = Console()


def rollout(
    model: Annotated[str, typer.Argument(help="Name in the model store, or a classic allocator")],
    xapp: Annotated[str, typer.Option(help="URL of the xApp, for its metrics")],
    version: Annotated[int, typer.Option(min=0, help="0: the newest")] = 0,
    a1: Annotated[str, typer.Option(help="URL of the A1 mediator")] = "http://127.0.0.1:10000",
    store: Annotated[str, typer.Option(help="host:port of the model store")] = "127.0.0.1:50051",
    policy_type: Annotated[int, typer.Option(help="Id of the policy type 'model'")] = DEFAULT_MODEL_TYPE_ID,
    share: Annotated[float, typer.Option(help="Share of intervals that the canary takes")] = 0.2,
    node: Annotated[list[str], typer.Option(help="Instead: RAN name of a canary node; may be repeated")] = [],  # noqa: B006
    guard: Annotated[str, typer.Option(help="JSON object of guard rules to replace")] = "{}",
    stage_timeout_s: Annotated[float, typer.Option(help="A stage without a verdict stops the roll-out")] = 600.0,
    rollouts: Annotated[Path, typer.Option(help="Folder of roll-outs")] = Path("out/rollouts"),
    again: Annotated[bool, typer.Option(help="Begin anew where it has ended")] = False,
) -> None:
    """Shadow, canary, everywhere: each stage on evidence; exits 1 if it was stopped. Goes on where it was cut."""
    plan = RolloutPlan(
        policy=policy_of(model, version, store),
        policy_type_id=policy_type,
        canary=_canary(share, node),
        guard=_guard(guard),
        stage_timeout_s=stage_timeout_s,
    )
    folder, state = opened(rollouts, plan, again=again)
    with A1Client(a1) as mediator, _shown(folder.name) as on_progress:
        publisher = A1Publisher(mediator, store, policy_type_id=policy_type, on_answer=Journal(rollouts).published)
        state = Rollout(folder, state, publisher, XappMetrics(xapp), on_progress).run()
    show(state)
    raise typer.Exit(0 if state.stage is Stage.DONE else 1)


def policy_of(model: str, version: int, store: str) -> ModelPolicy:
    """The policy that names a classic allocator, or a version of the model store.

    Raises:
        ModelNotFound: the store has no such version.
        ConnectFailed: the store does not answer.
    """
    if model in allocators.ALLOCATORS:
        return ModelPolicy(allocator=model)
    with ModelStoreClient(store) as client:
        manifest = client.get(model, version).manifest
    return ModelPolicy(
        allocator=manifest.allocator,
        model=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        store=store,
    )


def show(state: RolloutState) -> None:
    """The stages gone through, and how it ended."""
    table = Table(title="roll-out")
    for heading in ("stage", "seconds", "intervals", "loss of throughput", "loss of satisfied UEs", "finding"):
        table.add_column(heading)
    for record in state.records:
        losses = record.evidence.get("loss", {})
        cells = [_loss(losses.get(kpi, {})) for kpi in ("throughput", "satisfied")]
        intervals = str(record.evidence.get("intervals", "-"))
        table.add_row(record.stage, f"{record.seconds:.1f}", intervals, *cells, record.finding)
    console.print(table)
    done = state.stage is Stage.DONE
    console.print("[green]serves everywhere[/]" if done else f"[red]{state.stage}[/] {state.reason}")


def _canary(share: float, nodes: list[str]) -> Canary:
    try:
        return Canary(nodes=nodes) if nodes else Canary(share=share)
    except ValidationError as error:
        raise ConfigError("share", share, error.errors()[0]["msg"]) from error


def _guard(text: str) -> GuardRules:
    try:
        return GuardRules.from_json(json.loads(text))
    except (json.JSONDecodeError, DecodeError) as error:
        raise ConfigError("guard", text, str(error)) from error


def _loss(bounds: dict[str, float]) -> str:
    if not {"low", "mean", "high"} <= bounds.keys():
        return "-"
    return f"{bounds['mean']:.2%} ({bounds['low']:.2%} to {bounds['high']:.2%})"


@contextmanager
def _shown(name: str) -> Iterator[Callable[[RolloutProgress], None]]:
    """A line that follows the evidence; a line a stage where there is no terminal."""
    told: list[Stage] = []
    with console.status(name) as status:

        def update(progress: RolloutProgress) -> None:
            if progress.stage not in told:
                told.append(progress.stage)
                console.print(f"{name}: {progress.stage}")
            _follow(status, progress)

        yield update


def _follow(status: Status, progress: RolloutProgress) -> None:
    evidence: Evidence = progress.evidence
    text = f"{progress.stage}: {evidence.intervals} intervals (at least {progress.wanted})"
    if math.isfinite(evidence.throughput_loss.mean):
        loss = evidence.throughput_loss
        text += f", loss of throughput {loss.mean:.2%} ({loss.low:.2%} to {loss.high:.2%})"
    status.update(text)
