"""What a model in the shadow costs the loop: ``python -m benchmarks.shadow_cost [--reports 500] [--shadow matching]``.

Indications of 20 UEs x 25 PRBs every 20 ms go through the xApp's spine with and without a model in the shadow, turn by
turn, its thread beside. Prints JSON: percentiles of the time from indication to control, as processor time of the
loop's own thread (what the shadow adds to the work) and on the clock (what it adds by holding the interpreter; on a
busy machine other processes are in it).
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np

from e2sim import scenario
from e2sim.simulator import Simulator
from oran import e2ap
from oran.e2ap import IndicationType, RicIndication, RicRequestId
from oran.e2sm.rrm import Clock, EventTrigger, RadioReport, split_report
from oran.platform.a1 import ModelPolicy
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps import allocators
from xapps.runtime.app import App
from xapps.runtime.deciding import Decider
from xapps.runtime.inputs import Inputs
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.subscription_book import SubscriptionBook
from xapps.runtime.trial import Trials

MEID, FUNCTION_ID, PERIOD_S, TURN = "gnb_001_001_000001", 200, 0.02, 50


def messages_of(report: RadioReport) -> list[RmrMessage]:
    """The indications of one report."""
    request = RicRequestId(123, 1)
    parts = split_report(report, clock=Clock.FREE_RUNNING, max_fragment_bytes=8000)
    pdus = [RicIndication(request, FUNCTION_ID, 1, IndicationType.REPORT, *part, None, None) for part in parts]
    return [RmrMessage(MessageType.RIC_INDICATION, e2ap.encode(pdu), request.instance, MEID) for pdu in pdus]


def spine() -> tuple[App, Trials, Metrics]:
    """An xApp's loop without a platform; controls go nowhere."""
    metrics, book = Metrics(), SubscriptionBook[EventTrigger]()
    slot = ModelSlot(Serving(allocators.build("equal")), time.monotonic)
    trials = Trials(slot, metrics)
    book.offered(MEID, FUNCTION_ID)
    decider = Decider(slot, trials, metrics, Inputs(metrics))
    return App(decider, RecentReports(4), book, metrics, _nowhere, _nowhere, time.monotonic), trials, metrics


def _nowhere(message: RmrMessage) -> None:
    """Where controls and policy requests go here."""


def percentiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{p}": round(1e3 * float(np.percentile(seconds, p)), 3) for p in (50, 95, 99)}


def measured(reports: int, shadow: str) -> dict[str, Any]:
    """Milliseconds with and without the shadow, and what it did."""
    app, trials, metrics = spine()
    threading.Thread(target=trials.background.run, daemon=True).start()
    simulator = Simulator(scenario.load("cell"), np.random.default_rng(0))
    spent: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "clock": []} for name in ("alone", "with_shadow")}
    for number in range(2 * reports):
        name = "with_shadow" if number // TURN % 2 else "alone"
        if number % TURN == 0:
            on = name == "with_shadow"
            trials.begin(
                Serving(allocators.build(shadow)), ModelPolicy(allocator=shadow, mode="shadow")
            ) if on else trials.end()
        arrived = messages_of(replace(simulator.observe(), report_id=number + 1))
        start_s, start_cpu_s = time.perf_counter(), time.thread_time()
        app.on_messages(arrived)
        spent[name]["cpu"].append(time.thread_time() - start_cpu_s)
        spent[name]["clock"].append(time.perf_counter() - start_s)
        simulator.step(None)
        time.sleep(max(0.0, PERIOD_S - (time.perf_counter() - start_s)))
    trials.background.stop()
    shown = {name: {kind: percentiles(values) for kind, values in kinds.items()} for name, kinds in spent.items()}
    outcomes = {
        each: metrics.count(metrics.shadow_decisions, outcome=each) for each in ("compared", "failed", "dropped")
    }
    return {"shadow": shadow, "reports": reports, "milliseconds": shown, "shadow_decisions": outcomes}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=500)
    parser.add_argument("--shadow", default="matching")
    arguments = parser.parse_args()
    print(json.dumps(measured(arguments.reports, arguments.shadow), indent=1))
