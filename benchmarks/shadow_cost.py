"""What a model in the shadow costs the loop: ``python -m benchmarks.shadow_cost [--reports 500] [--busy 2]``.

Indications of 20 UEs x 25 PRBs every 20 ms go through the xApp's spine without a model in the shadow, with one in a
process of its own and with one on a thread, turn by turn; ``--busy`` processes that only count keep cores full. Prints
JSON: percentiles of the time from indication to control, as processor time of the loop's own thread (what the shadow
adds to the work) and on the clock (what it adds by holding the interpreter or the cores), and the medians' ratio to the
loop alone. Compare within one run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from e2sim import scenario
from e2sim.simulator import Simulator
from oran import e2ap
from oran.e2ap import IndicationType, RicIndication, RicRequestId
from oran.e2sm.rrm import (
    Clock,
    EventTrigger,
    RadioReport,
    decode_report,
    encode_allocation,
    encode_report,
    split_report,
)
from oran.platform.a1 import ModelPolicy
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps import allocators
from xapps.runtime.app import App
from xapps.runtime.deciding import Decider
from xapps.runtime.decision import Decision
from xapps.runtime.inputs import Inputs
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.shadow import Answered, Beside, Partner
from xapps.runtime.shadow_process import ShadowProcess
from xapps.runtime.subscription_book import SubscriptionBook
from xapps.runtime.trial import Trials

MEID, FUNCTION_ID, PERIOD_S, TURN = "gnb_001_001_000001", 200, 0.02, 50
PLACES = ("alone", "process", "thread")


class KeptProcess(ShadowProcess):
    """Outlives the turns of this benchmark: a trial starts its process once, not every second."""

    def close(self) -> None:
        """Not yet."""

    def end(self) -> None:
        super().close()


class Spine:
    """An xApp's loop without a platform; controls go nowhere."""

    def __init__(self, shadow: str) -> None:
        self.metrics, book = Metrics(), SubscriptionBook[EventTrigger]()
        book.offered(MEID, FUNCTION_ID)
        slot = ModelSlot(Serving(allocators.build("equal")), time.monotonic)
        self.candidate = Serving(allocators.build(shadow))
        ended = self.metrics.shadow_processes_ended
        self.process = KeptProcess(
            self.candidate,
            deadline_s=5.0,
            on_end=lambda cause: ended.labels(cause).inc(),
            rng=np.random.default_rng(0),
        )
        self.place = "alone"
        self.trials = Trials(slot, self.metrics, self._partner)
        decider = Decider(slot, self.trials, self.metrics, Inputs(self.metrics))
        self.app = App(decider, RecentReports(4), book, self.metrics, _nowhere, _nowhere, time.monotonic)

    def turn(self, place: str) -> None:
        """From now on the shadow is there; what still waits for the one before is done first."""
        self.trials.end()
        drained = threading.Event()
        while not self.trials.background.offer(drained.set):
            time.sleep(PERIOD_S)
        drained.wait()
        self.place = place
        if place != "alone":
            self.trials.begin(self.candidate, ModelPolicy(allocator=self.candidate.allocator.name, mode="shadow"))

    def warm_up(self, report: RadioReport) -> None:
        """Let the process import what it needs."""
        octets = encode_report(report)
        report = decode_report(octets)
        granted = allocators.build("equal").decide(report)
        decision = Decision(granted, "equal", None, report)
        self.process.compared(Answered(MEID, decision, octets, encode_allocation(granted)))

    def outcomes(self) -> dict[str, float]:
        counted = self.metrics.shadow_decisions
        return {each: self.metrics.count(counted, outcome=each) for each in ("compared", "failed", "late", "dropped")}

    def _partner(self, candidate: Serving) -> Partner:
        return self.process if self.place == "process" else Beside(candidate)


def messages_of(report: RadioReport) -> list[RmrMessage]:
    """The indications of one report."""
    request = RicRequestId(123, 1)
    parts = split_report(report, clock=Clock.FREE_RUNNING, max_fragment_bytes=8000)
    pdus = [RicIndication(request, FUNCTION_ID, 1, IndicationType.REPORT, *part, None, None) for part in parts]
    return [RmrMessage(MessageType.RIC_INDICATION, e2ap.encode(pdu), request.instance, MEID) for pdu in pdus]


def _nowhere(message: RmrMessage) -> None:
    """Where controls and policy requests go here."""


@contextmanager
def full_cores(number: int) -> Iterator[None]:
    """Processes of ordinary priority that only count."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def percentiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{p}": round(1e3 * float(np.percentile(seconds, p)), 3) for p in (50, 95, 99)}


def measured(reports: int, shadow: str) -> dict[str, Any]:
    """Milliseconds without a shadow and with it in either place, and what became of its decisions."""
    spine, simulator = Spine(shadow), Simulator(scenario.load("cell"), np.random.default_rng(0))
    thinking = threading.Thread(target=spine.trials.background.run)
    thinking.start()
    spine.warm_up(simulator.observe())
    cpu_s: dict[str, list[float]] = {place: [] for place in PLACES}
    clock_s: dict[str, list[float]] = {place: [] for place in PLACES}
    for number in range(len(PLACES) * reports):
        place = PLACES[number // TURN % len(PLACES)]
        if number % TURN == 0:
            spine.turn(place)
        arrived = messages_of(replace(simulator.observe(), report_id=number + 1))
        start_s, start_cpu_s = time.perf_counter(), time.thread_time()
        spine.app.on_messages(arrived)
        cpu_s[place].append(time.thread_time() - start_cpu_s)
        clock_s[place].append(time.perf_counter() - start_s)
        simulator.step(None)
        time.sleep(max(0.0, PERIOD_S - (time.perf_counter() - start_s)))
    spine.trials.stop()
    spine.process.end()
    thinking.join()
    return {
        "shadow": shadow,
        "reports": reports,
        "cpu_ms": {place: percentiles(values) for place, values in cpu_s.items()},
        "clock_ms": {place: percentiles(values) for place, values in clock_s.items()},
        "clock_p50_ratio": {
            place: round(float(np.median(clock_s[place]) / np.median(clock_s["alone"])), 2) for place in PLACES[1:]
        },
        "shadow_decisions": spine.outcomes(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=500)
    parser.add_argument("--shadow", default="matching")
    parser.add_argument("--busy", type=int, default=0, help="processes that keep cores full")
    arguments = parser.parse_args()
    with full_cores(arguments.busy):
        print(json.dumps({"busy": arguments.busy} | measured(arguments.reports, arguments.shadow), indent=1))
