from __future__ import annotations

import pytest

from oran.e2sm.rrm import RadioReport
from tests.xapps.runtime.doubles import Rig, make_report


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def report() -> RadioReport:
    return make_report()
