"""The demo: the whole loop on one machine, from E2 Setup to a trained model that serves, measured.

Reads as the story it tells: start, serve with *equal*, train, gate, store, push, swap, serve with the model, compare
all allocators in lock-step over the same draws, write down what was measured.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from e2sim import scenario as scenarios
from oran.errors import SuiteError
from oran.platform.a1 import A1Client
from rapp import datasets, evaluation, pipeline
from rapp.a1_publisher import A1Publisher, Publication
from rapp.local import demo_figures, demo_report
from rapp.local.demo_report import YARDSTICKS, Measurements
from rapp.local.live_table import LiveTable
from rapp.local.operator import NodeOperator, set_reporting, wait_for_indications, xapp_state
from rapp.local.processes import ProcessFailed, wait_until
from rapp.local.suite import LocalSuite, get_json
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build
from xapps.runtime.model_store import ModelStoreClient

TRAINING_SEED, GATE_SEED, EPISODE_SEED = 1, 2, 3
"""Training, gate and final comparison see different draws."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """How long the demo takes its time."""

    folder: Path = Path("out/demo")
    scenario: str = "cell"
    labels: int = 600
    preset: str = "demo"
    gate_draws: int = 60
    episode_draws: int = 60
    serve_s: float = 12.0
    """Free-running time before the training and after the swap [s]."""


class Demo:
    """One run of the demo.

    Args:
        settings: sizes and times.
        console: where the table goes.
    """

    def __init__(self, settings: DemoSettings, console: Console) -> None:
        self.settings = settings
        self.measured = Measurements()
        self._console = console
        self._table = LiveTable(console)
        shutil.rmtree(settings.folder, ignore_errors=True)
        self._suite = LocalSuite(settings.folder / "run", settings.scenario)
        self._began_s = time.monotonic()

    def run(self) -> list[str]:
        """Runs everything; returns what did not hold (empty: success). The processes are stopped in any case."""
        try:
            with self._table, self._stopped_at_the_end():
                self._story()
        except SuiteError as error:
            return [f"{type(error).__name__}: {error}", *self._dead_processes()]
        self.measured.seconds["total"] = time.monotonic() - self._began_s
        demo_report.write(self.measured, self.settings.folder)
        demo_figures.draw(self.measured, self.settings.folder)
        self._show_comparison()
        return demo_report.failures(self.measured)

    def _story(self) -> None:
        node = self._start()
        self._table.step("free-running, served by equal", self.settings.serve_s)
        self._watch(node, self.settings.serve_s)
        model = self._train_gate_push(node)
        self._table.step("free-running, served by the model", self.settings.serve_s)
        first_latency = node.latencies_ms()["next"]
        self._watch(node, self.settings.serve_s)
        self.measured.latencies_ms = node.latencies_ms(first_latency)["latencies_ms"]
        self.measured.trace = node.trace()["records"]
        self.measured.late_decisions = node.state()["controls"]["late"]
        self._compare_in_lock_step(node, model)
        self._note_final_state(node)

    # --- the chapters ---------------------------------------------------------------------------------

    def _start(self) -> NodeOperator:
        self._table.step("starting Redis, ric, e2sim, rapp and the ssvae xApp")
        self._suite.start_all()
        node = NodeOperator(self._suite.nodes["e2sim"])
        wait_until(self._node_is_known, 30, "E2 Setup")
        self.measured.e2_setup = True
        wait_for_indications(self._suite, node)
        self.measured.subscription_admitted = bool(node.state()["subscriptions"])
        self.measured.users = node.state()["users"]
        self.measured.seconds["setup"] = time.monotonic() - self._began_s
        return node

    def _train_gate_push(self, node: NodeOperator) -> ModelFile:
        start_s = time.monotonic()
        os.nice(10)  # the training shares the cores with a loop that must answer within a slot
        target = self._suite.store_target
        with self._watching(node), ModelStoreClient(target) as store, A1Client(self._suite.a1_url) as a1:
            outcome = pipeline.run(self._train, self._gate, store, A1Publisher(a1, target))
        self.measured.gate = outcome.verdict.to_dict()
        if not outcome.verdict.accepted or outcome.stored is None or outcome.publication is None:
            raise ProcessFailed(f"the gate refused the model: {'; '.join(outcome.verdict.reasons)}")
        self._expect_enforced(outcome.publication)
        stored = outcome.stored
        self.measured.model = {"name": stored.name, "version": stored.version, "sha256": stored.sha256}
        self.measured.seconds["train"] = time.monotonic() - start_s
        with ModelStoreClient(self._suite.store_target) as store:
            return store.get(stored.name, stored.version)

    def _train(self) -> ModelFile:
        settings = self.settings
        folder = settings.folder / "run" / "dataset"
        manifest = datasets.describe(scenarios.load(settings.scenario), seed=TRAINING_SEED, num_drops=settings.labels)
        self._table.step(f"rApp: {settings.labels} exact labels")
        datasets.build(folder, manifest, on_progress=lambda done, total: self._table.advance(done, total))
        config = RunConfig(preset=settings.preset, seed=TRAINING_SEED, dataset=str(folder))
        run = Run.create(settings.folder / "run" / "runs", config)
        self._table.step("rApp: training SS-VAE")
        return run.execute(lambda progress: self._table.advance(progress.epoch, progress.epochs))

    def _gate(self, model: ModelFile) -> evaluation.Verdict:
        self._table.step("rApp: gate on held-out draws")
        scenario = scenarios.load(self.settings.scenario)
        return evaluation.gate(
            build(model).allocator,
            allocators.build("equal"),
            evaluation.references(scenario),
            scenario,
            seed=GATE_SEED,
            num_drops=self.settings.gate_draws,
        )

    def _compare_in_lock_step(self, node: NodeOperator, model: ModelFile) -> None:
        """Every allocator decides the same seeded draws over E2; the model comes last, so that it serves at the end."""
        set_reporting(self._suite, node, "lock-step")
        draws = self.settings.episode_draws
        names = [name for name in YARDSTICKS if name != "model"] + ["model"]
        with A1Client(self._suite.a1_url) as a1:
            publisher = A1Publisher(a1, self._suite.store_target)
            for name in names:
                self._table.step(f"lock-step, {draws} draws: {name}")
                self._expect_enforced(self._publish(publisher, name, model))
                self.measured.episodes[name] = node.run_episode(EPISODE_SEED, draws, timeout_s=30 + 2.0 * draws)

    def _publish(self, publisher: A1Publisher, name: str, model: ModelFile) -> Publication:
        if name != "model":
            return publisher.publish_classic(name)
        with ModelStoreClient(self._suite.store_target) as store:
            stored = next(s for s in store.list(model.manifest.name) if s.version == self.measured.model["version"])
        return publisher.publish(stored, model.manifest.allocator)

    def _note_final_state(self, node: NodeOperator) -> None:
        state = xapp_state(self._suite)
        self.measured.counters = state.get("counters", {})
        self.measured.served_sha256 = (state.get("model") or {}).get("sha256", "")
        self.measured.indications = node.state()["indications"]

    # --- watching -------------------------------------------------------------------------------------

    def _watch(self, node: NodeOperator, seconds: float) -> None:
        start_s = time.monotonic()
        while (passed_s := time.monotonic() - start_s) < seconds:
            self._show(node)
            self._table.advance(passed_s, seconds)
            time.sleep(0.5)
        self._table.advance(seconds, seconds)

    @contextmanager
    def _watching(self, node: NodeOperator) -> Iterator[None]:
        """Keeps the table alive while this thread works on something else."""
        done = threading.Event()

        def show_until_done() -> None:
            while not done.wait(1.0):
                self._show(node)

        thread = threading.Thread(target=show_until_done, name="live-table", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _show(self, node: NodeOperator) -> None:
        state = node.state()
        records = node.trace(max(state["records"] - 50, 0))["records"]
        latencies = node.latencies_ms()
        recent = node.latencies_ms(max(latencies["next"] - 500, 0))["latencies_ms"]
        self._table.show(xapp_state(self._suite), records, recent, state["controls"]["late"])

    def _node_is_known(self) -> bool:
        states = get_json(f"{self._suite.e2mgr_url}/v1/nodeb/states") or []
        return any(state.get("connectionStatus") == "CONNECTED" for state in states)

    # --- the end --------------------------------------------------------------------------------------

    @contextmanager
    def _stopped_at_the_end(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._table.step("stopping")
            self._suite.stop()

    def _expect_enforced(self, publication: Publication) -> None:
        self.measured.policy_status, self.measured.policy_reason = publication.status, publication.reason
        if not publication.enforced:
            raise ProcessFailed(f"policy {publication.policy_id} was not enforced: {publication.reason}")

    def _dead_processes(self) -> list[str]:
        return [
            f"end of {process.log_path.name}:\n{process.log_tail()}"
            for process in self._suite.processes.values()
            if process.crashed
        ]

    def _show_comparison(self) -> None:
        throughput, satisfied = self.measured.weighted_throughput(), self.measured.satisfied_share()
        table = Table(title=f"The same {self.settings.episode_draws} draws, in lock-step over E2")
        for title in ("allocator", "weighted throughput [bps/Hz]", "% of exact", "satisfied UEs"):
            table.add_column(title, justify="left" if title == "allocator" else "right")
        for name, value in sorted(throughput.items(), key=lambda item: item[1]):
            share = f"{100 * value / throughput['exact']:.2f}"
            table.add_row(name, f"{value:.2f}", share, f"{100 * satisfied[name]:.1f} %")
        self._console.print(table)
