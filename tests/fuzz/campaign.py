"""A campaign: many mutated inputs through every target, in several processes, watched for crashes, hangs and growth."""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import random
import resource
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from oran.errors import DecodeError
from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, Target

HANG_S: Final = 0.050
GROWTH_BYTES: Final = 24 << 20
"""Resident memory that a process may gain between its warm-up and its end; a campaign's own noise is a few MiB."""
BATCH: Final = 200
"""Inputs for one target in a row; between batches the garbage collector runs, outside of what is timed."""
_WARM_UP_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that a target could not bear."""

    target: str
    kind: str
    """``crash`` or ``hang``."""
    input_hex: str
    detail: str


@dataclass(slots=True)
class Report:
    """What a campaign saw.

    ``growth_bytes`` is resident memory gained after the warm-up, ``peak_bytes`` the same of the highest mark: the
    largest over the processes.
    """

    inputs: int = 0
    refused: int = 0
    findings: list[Finding] = field(default_factory=list)
    slowest_ms: dict[str, float] = field(default_factory=dict)
    growth_bytes: int = 0
    peak_bytes: int = 0

    @property
    def clean(self) -> bool:
        """No crash, no hang, no growth."""
        return not self.findings and max(self.growth_bytes, self.peak_bytes) < GROWTH_BYTES

    def add(self, other: Report) -> None:
        """Take over what another process saw."""
        self.inputs += other.inputs
        self.refused += other.refused
        self.findings += other.findings
        for name, slowest_ms in other.slowest_ms.items():
            self.slowest_ms[name] = max(slowest_ms, self.slowest_ms.get(name, 0.0))
        self.growth_bytes = max(self.growth_bytes, other.growth_bytes)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)

    def to_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return asdict(self) | {"clean": self.clean}


def try_input(target: Target, data: bytes, report: Report) -> None:
    """Give one input to one target and note what came of it."""
    report.inputs += 1
    start_s = time.thread_time()
    try:
        target.read(data)
    except DecodeError:
        report.refused += 1
    except Exception:  # noqa: BLE001 - finding these is what a campaign is for
        report.findings.append(Finding(target.name, "crash", data.hex(), traceback.format_exc(limit=-3)))
    elapsed_s = time.thread_time() - start_s
    report.slowest_ms[target.name] = max(elapsed_s * 1e3, report.slowest_ms.get(target.name, 0.0))
    if elapsed_s > HANG_S and _still_slow(target, data):
        report.findings.append(Finding(target.name, "hang", data.hex(), f"{elapsed_s * 1e3:.1f} ms"))


def _still_slow(target: Target, data: bytes) -> bool:
    """Whether the input is slow again: one stall of a busy machine is not the target's fault."""
    start_s = time.thread_time()
    with contextlib.suppress(Exception):  # the caller has noted what it raises
        target.read(data)
    return time.thread_time() - start_s > HANG_S


def run_share(targets: Sequence[Target], inputs: int, seed: int) -> Report:
    """One process's share: ``inputs`` mutants, the targets taking turns."""
    rng = random.Random(seed)
    report = Report()
    corpora = {target.name: target.seeds() for target in targets}
    before, highest = None, 0
    gc.disable()
    try:
        turn = 0
        while report.inputs < inputs:
            target = targets[turn % len(targets)]
            for _ in range(min(BATCH, inputs - report.inputs)):
                try_input(target, mutate(rng, corpora[target.name], target.tokens), report)
            turn += 1
            if turn % 8 == 0:
                gc.collect()
            if before is None and report.inputs >= inputs * _WARM_UP_SHARE and turn >= len(targets):
                gc.collect()
                before, highest = _resident_bytes(), _highest_bytes()
    finally:
        gc.enable()
    gc.collect()
    if before is not None:
        report.growth_bytes = max(0, _resident_bytes() - before)
        report.peak_bytes = _highest_bytes() - highest
    return report


def run(names: Iterable[str], inputs: int, seed: int, processes: int) -> Report:
    """The campaign over the targets of these names; process i runs its share from seed ``seed + i``."""
    names = list(names)
    shares = [inputs // processes + (i < inputs % processes) for i in range(processes)]
    report = Report()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.starmap(_share, [(names, share, seed + i) for i, share in enumerate(shares)]):
            report.add(part)
    return report


def _share(names: list[str], inputs: int, seed: int) -> Report:
    logging.disable(logging.CRITICAL)  # a reader that logs what it leaves out would say so a million times
    return run_share([TARGETS[name] for name in names], inputs, seed)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _highest_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
