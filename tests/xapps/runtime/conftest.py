from __future__ import annotations

import pytest

from oran.e2sm.rrm import RadioReport
from tests.xapps.runtime.doubles import Rig, make_report
from tests.xapps.runtime.policy_bench import Bench, Learned
from xapps import allocators


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def report() -> RadioReport:
    return make_report()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    real = allocators.load_class
    monkeypatch.setitem(allocators.LEARNED, "learned", "doubles:Learned")
    monkeypatch.setattr(allocators, "load_class", lambda name: Learned if name == "learned" else real(name))
    return Bench()
