"""Conditions on UEs (TestCondInfo of E2SM-KPM, 8.3.23) as masks over a slot's UE table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from e2sim.node.identities import Identities
from e2sim.node.outcome import SlotOutcome
from oran.e2ap import CauseRicRequest
from oran.e2sm.kpm import Snssai, TestCondition, TestExpression, TestType, UeCondition
from oran.errors import RemoteProtocolError

Condition = Callable[[SlotOutcome], NDArray[np.bool_]]
"""Which UEs match, shape (U,)."""


def condition(conditions: tuple[UeCondition, ...], names: Identities) -> Condition:
    """All conditions, joined from the first to the last by "and", or by "or" where an item says so.

    Raises:
        RemoteProtocolError: a condition on something that the node does not know of its UEs.
    """
    tests = [(_test(item.test, names), item.logical_or) for item in conditions]

    def matches(outcome: SlotOutcome) -> NDArray[np.bool_]:
        joined, use_or = np.ones(len(outcome.ue_ids), bool), False
        for test, or_next in tests:
            found = test(outcome)
            joined = joined | found if use_or else joined & found
            use_or = or_next
        return joined

    return matches


def _test(test: TestCondition, names: Identities) -> Condition:
    if test.type is TestType.SNSSAI:
        return _slice_test(test, names)
    if test.type in (TestType.RSRP, TestType.UL_RSRP):  # one channel, both ways
        return _rsrp_test(test)
    raise _unknown(test)


def _slice_test(test: TestCondition, names: Identities) -> Condition:
    if test.expression is TestExpression.PRESENT:
        return lambda outcome: np.ones(len(outcome.ue_ids), bool)
    octets = test.value
    if test.expression is not TestExpression.EQUAL or not isinstance(octets, bytes) or len(octets) not in (1, 4):
        raise _unknown(test)
    wanted = Snssai(octets[0], int.from_bytes(octets[1:], "big") if len(octets) == 4 else None)
    found = names.slice_indices(wanted)
    if not found:
        raise RemoteProtocolError(f"no slice {wanted}", CauseRicRequest.ACTION_NOT_SUPPORTED)
    return lambda outcome: np.isin(outcome.slice_ids, found)


def _rsrp_test(test: TestCondition) -> Condition:
    limit_dbm = test.value
    if isinstance(limit_dbm, bool) or not isinstance(limit_dbm, int | float):
        raise _unknown(test)
    match test.expression:
        case TestExpression.LESS_THAN:
            return lambda outcome: outcome.rsrp_dbm < limit_dbm
        case TestExpression.GREATER_THAN:
            return lambda outcome: outcome.rsrp_dbm > limit_dbm
        case _:
            raise _unknown(test)


def _unknown(test: TestCondition) -> RemoteProtocolError:
    return RemoteProtocolError(f"the node cannot test {test}", CauseRicRequest.ACTION_NOT_SUPPORTED)
