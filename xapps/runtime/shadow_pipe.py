"""What an xApp and its shadow's process tell each other over a pipe: octets and JSON, never pickles.

xApp -> shadow   allocator, manifest, weights (both empty: a classic allocator)
shadow -> xApp   "" once it is built, else why it cannot be
xApp -> shadow   {"meid", "forget"}, report, answer, minimum rates      again and again
shadow -> xApp   the comparison, or {"failed": why}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import numpy as np

from oran.e2sm.rrm import Allocation, RadioReport, decode_control_message, decode_report
from oran.errors import ModelRejected
from xapps import allocators
from xapps.runtime import model_slot
from xapps.runtime.comparing import Compared
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import Serving


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One report to decide on beside.

    Attributes:
        report: octets of the E2SM-RRM RadioReport.
        answer: octets of the E2SM-RRM ControlMessage that was sent.
        min_rate_bps_hz: what takes the place of the reported minimum rates, shape (U,).
        gone: nodes that have gone since the last task.
    """

    meid: str
    report: bytes
    answer: bytes
    min_rate_bps_hz: np.ndarray
    gone: Sequence[str] = ()

    def decoded(self) -> tuple[RadioReport, Allocation]:
        """The report as it was decided on, and the decision.

        Raises:
            DecodeError: octets that are neither.
        """
        report = replace(decode_report(self.report), min_rate_bps_hz=self.min_rate_bps_hz)
        return report, decode_control_message(self.answer)


def send_candidate(pipe: Connection, candidate: Serving) -> None:
    """Tell a shadow what to decide with."""
    manifest = candidate.manifest
    pipe.send_bytes((candidate.allocator.name if manifest is None else manifest.allocator).encode())
    pipe.send_bytes(b"" if manifest is None else manifest.model_dump_json().encode())
    pipe.send_bytes(candidate.weights)


def receive_candidate(pipe: Connection) -> Allocator:
    """Build what ``send_candidate`` has sent.

    Raises:
        SuiteError: ConfigError (no such allocator), DigestMismatch or ModelRejected.
        EOFError: the xApp has gone.
    """
    name, manifest, weights = (pipe.recv_bytes() for _ in range(3))
    if not manifest:
        return allocators.build(name.decode())
    return model_slot.build(ModelFile.parse(manifest.decode(), weights).verify()).allocator


def send_ready(pipe: Connection, refusal: str = "") -> None:
    """Say that the candidate is built, or why it is not."""
    pipe.send_bytes(refusal.encode())


def receive_ready(pipe: Connection) -> None:
    """Raises: ModelRejected with the reason; EOFError if the shadow has gone."""
    refusal = pipe.recv_bytes().decode()
    if refusal:
        raise ModelRejected(refusal)


def send_task(pipe: Connection, task: Task) -> None:
    """Ask a shadow. Raises: OSError if it has gone."""
    pipe.send_bytes(json.dumps({"meid": task.meid, "gone": list(task.gone)}).encode())
    for part in (task.report, task.answer, np.ascontiguousarray(task.min_rate_bps_hz, "<f8").tobytes()):
        pipe.send_bytes(part)


def receive_task(pipe: Connection) -> Task:
    """The next question. Raises: EOFError if the xApp has gone."""
    head = json.loads(pipe.recv_bytes())
    report, answer, rates = (pipe.recv_bytes() for _ in range(3))
    return Task(head["meid"], report, answer, np.frombuffer(rates, "<f8"), head["gone"])


def send_comparison(pipe: Connection, found: Compared | str) -> None:
    """Answer with a comparison, or with why there is none."""
    text = json.dumps({"failed": found}) if isinstance(found, str) else found.to_json()
    pipe.send_bytes(text.encode())


def receive_comparison(pipe: Connection) -> Compared | str:
    """What ``send_comparison`` has sent. Raises: EOFError, OSError (it has gone), ValueError, TypeError (nonsense)."""
    text = pipe.recv_bytes().decode()
    found = json.loads(text)
    return str(found["failed"]) if isinstance(found, dict) else Compared.from_json(text)
