"""Latency of ALCOR's policies beside WMMSE-100 on the same channels. Prints JSON.

``OMP_NUM_THREADS=1 python -m benchmarks.alcor_latency [channels]``. Times are processor time of one thread, so that a
busy machine distorts them little; ``faster_than_wmmse`` is the ratio of medians of one run, which is what compares
across machines. Policies take turns every 25 channels, so that each finds its weights in the caches, as it does in an
xApp that does little else, and a change in the machine's load meets all of them. The networks are freshly initialised:
training changes nothing about their time. ``decision`` is the whole way of the xApp from a report of 20 UEs to an
allocation.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim import scenario
from e2sim.simulator import Simulator
from xapps.alcor import graph, local, perceptron
from xapps.alcor.channels import draw_snr
from xapps.alcor.graph import GraphArchitecture
from xapps.alcor.learned import GraphUra, LocalUra, PerceptronUra
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.policy import AlcorPolicy
from xapps.alcor.presets import preset
from xapps.alcor.ura import PairGreedyUra, Ura, WmmseUra

YARDSTICK = "WMMSE-100"
WARM_UP = 20
TURN = 25
SIZES = (5, 10, 20, 50)

Array = NDArray[np.float64]


def network(name: str, rng: np.random.Generator) -> GraphUra:
    """The graph policy of a preset."""
    settings = preset(name)
    shape = GraphArchitecture(
        width=settings.width, layers=settings.layers, candidates=settings.candidates, crowd=settings.crowd
    )
    return GraphUra(shape, graph.initialise(shape, rng))


def policies(users: int) -> dict[str, Ura]:
    """Everybody who decides, the yardstick first."""
    rng = np.random.default_rng(0)
    shape = PerceptronArchitecture(users=users)
    return {
        YARDSTICK: WmmseUra(),
        "pair-greedy": PairGreedyUra(),
        "graph": network("graph", rng),
        "graph-fast": network("graph-fast", rng),
        "perceptron": PerceptronUra(shape, perceptron.initialise(shape, rng)),
        "local, 4 inner slots of all users": LocalUra(local.initialise(rng)),
    }


def spent_ms(decide: Callable[[], object]) -> float:
    """Processor time of a decision."""
    start_ns = time.thread_time_ns()
    decide()
    return 1e-6 * (time.thread_time_ns() - start_ns)


def percentiles(taken: list[float]) -> dict[str, float]:
    settled = taken[WARM_UP:]
    return {"p50_ms": round(float(np.median(settled)), 4), "p99_ms": round(float(np.percentile(settled, 99)), 4)}


def measure(users: int, count: int) -> dict[str, Any]:
    """Percentiles of every policy for N users, one channel a decision."""
    channels = draw_snr("iid", np.random.default_rng(users), count + WARM_UP, users)
    everybody, deciding = np.ones((1, users)), policies(users)
    taken: dict[str, list[float]] = {name: [] for name in deciding}
    for first in range(0, len(channels), TURN):
        for name, ura in deciding.items():
            for channel in channels[first : first + TURN]:
                taken[name].append(spent_ms(lambda: ura.shares(channel[None], everybody)))  # noqa: B023
    yardstick = float(np.median(taken[YARDSTICK][WARM_UP:]))
    return {
        name: percentiles(values) | {"faster_than_wmmse": round(yardstick / float(np.median(values[WARM_UP:])), 2)}
        for name, values in taken.items()
    }


def decisions(count: int) -> dict[str, Any]:
    """Percentiles of whole decisions on reports of the scenario ``links``."""
    simulator = Simulator(scenario.load("links"), np.random.default_rng(0))
    deciding = {name: AlcorPolicy(network(name, np.random.default_rng(0))) for name in ("graph", "graph-fast")}
    taken: dict[str, list[float]] = {name: [] for name in deciding}
    for _ in range(count + WARM_UP):
        report = simulator.observe()
        for name, policy in deciding.items():
            taken[name].append(spent_ms(lambda: policy.decide_at("node", report)))  # noqa: B023
        simulator.step(None)
    return {name: percentiles(values) for name, values in taken.items()}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    found = {f"N = {users}": measure(users, count) for users in SIZES}
    print(json.dumps({"channels": count, "policies": found, "decision": decisions(count)}, indent=1))


if __name__ == "__main__":
    main()
