"""Which controls are still unanswered, so that an acknowledgement or a failure finds the decision it is about.

E2T does not echo RMR's transaction id. A node echoes the call process id of its own insert; where there was none, the
control outcome of E2SM-RRM names the decision; a peer that sends neither answers in order.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from oran.e2ap import RicControlAcknowledge, RicControlFailure
from oran.e2sm.rrm import decode_outcome

ControlAnswer = RicControlAcknowledge | RicControlFailure


@dataclass(frozen=True, slots=True)
class SentControl:
    """A control on its way."""

    meid: str
    decision_id: int
    call_process_id: bytes | None
    sent_s: float


@dataclass(frozen=True, slots=True)
class SettledControl:
    """An answer, and the control it answers if that is known."""

    control: SentControl | None
    reason: str
    """Reason code of a refusal; empty when applied or when the node gave none."""
    detail: str


class OpenControls:
    """The unanswered controls, oldest first; used from one thread.

    Args:
        limit: controls kept; the oldest beyond are given up.
    """

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._open: OrderedDict[tuple[str, int], SentControl] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def sent(self, control: SentControl) -> int:
        """Remember a control; how many old ones nobody will answer any more."""
        self._open[control.meid, control.decision_id] = control
        given_up = max(len(self._open) - self._limit, 0)
        for _ in range(given_up):
            self._open.popitem(last=False)
        return given_up

    def settle(self, meid: str, answer: ControlAnswer) -> SettledControl:
        """Find and forget the control that ``answer`` is about.

        Raises:
            DecodeError: the control outcome in it is malformed.
        """
        outcome = None if answer.outcome is None else decode_outcome(answer.outcome)
        key = self._by_call_process(meid, answer.call_process_id)
        if key is None and outcome is not None:
            key = (meid, outcome.decision_id)
        if key is None:
            key = next((key for key in self._open if key[0] == meid), None)
        control = None if key is None else self._open.pop(key, None)
        return SettledControl(control, outcome.reason if outcome else "", outcome.detail if outcome else "")

    def _by_call_process(self, meid: str, call_process_id: bytes | None) -> tuple[str, int] | None:
        if call_process_id is None:
            return None
        matches = (key for key, c in self._open.items() if c.meid == meid and c.call_process_id == call_process_id)
        return next(matches, None)
