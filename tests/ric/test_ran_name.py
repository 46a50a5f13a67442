from __future__ import annotations

import pytest

from oran.e2ap import GlobalGnbId
from oran.errors import LocalProtocolError
from ric.ran_name import plmn_text, ran_name

PLMN = b"\x00\xf1\x10"


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (GlobalGnbId(PLMN, 0x19B, 22), "gnb_001_001_00019b"),
        (GlobalGnbId(PLMN, 0x19B, 32), "gnb_001_001_0000019b"),
        (GlobalGnbId(PLMN, 0x19B, 32, du_id=0x1F), "gnbd_001_001_0000019b_1f"),
        (GlobalGnbId(PLMN, 0x19B, 32, cu_up_id=2), "gnbc_001_001_0000019b_2"),
        (GlobalGnbId(PLMN, 0x19B, 32, cu_up_id=2, du_id=3), "gnb_001_001_0000019b"),
    ],
)
def test_a_node_is_named_as_the_platforms_termination_names_it(node: GlobalGnbId, name: str):
    assert ran_name(node) == name


def test_a_three_digit_network_code_prints_its_third_digit_first():
    assert plmn_text(b"\x13\x00\x14") == "310_041"  # 310/410


def test_a_two_digit_network_code_gets_a_leading_zero():
    assert plmn_text(b"\x00\xf1\x10") == "001_001"


def test_a_name_that_no_rmr_header_could_carry_is_refused():
    with pytest.raises(LocalProtocolError):
        ran_name(GlobalGnbId(PLMN, 1, 32, du_id=2**36 + 2**40))
