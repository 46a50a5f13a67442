"""What a person is told of E2 messages: every value of the service model, under its name."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from oran.e2ap import E2SetupRequest, Pdu, RanFunction, RicServiceUpdate, encode
from oran.e2sm import kpm, rc
from oran.errors import DecodeError
from oran.inspect.models import KPM, RC, FunctionBook
from oran.inspect.reading import MessageReader, Reading
from oran.inspect.source import messages_of_file, messages_of_text
from oran.inspect.streams import Message
from oran.inspect.tree import pdu_name, title, tree
from tests.oran.e2ap.samples import SAMPLES
from tests.oran.inspect.dialogue import (
    DU_UE,
    METRICS,
    QUOTA,
    SETUP,
    kpm_indication,
    kpm_subscription,
    rc_control,
    rrm_control,
    rrm_indications,
)


def read(*pdus: Pdu, book: FunctionBook | None = None) -> list[Reading]:
    reader = MessageReader(book)
    return [reader.read(Message(encode(pdu), source="a:1", destination="b:2")) for pdu in pdus]


def printed(reading: Reading) -> str:
    console = Console(file=io.StringIO(), width=250, highlight=False)
    console.print(tree(reading))
    return console.file.getvalue()


def test_a_set_up_tells_who_the_node_is_and_what_it_offers():
    text = printed(read(SETUP)[0])
    assert "E2setupRequest" in text
    assert "node id: gNB 0x19b (22 bits) of 001/01, DU 7" in text
    for name in ("ORAN-E2SM-KPM", "ORAN-E2SM-RC", "ORAN-E2SM-RRM", "Slice-level PRB quota", "RRU.PrbTotDl"):
        assert name in text
    assert "component: f1 7" in text


def test_a_measurement_is_told_with_name_label_and_value():
    text = printed(read(SETUP, kpm_indication())[1])
    assert "RIC request 123/7  RAN function 2 (KPM)" in text
    assert "collected from 2023-11-14 22:13:20.000" in text
    assert "RRU.PrbUsedDl [plmn 310/410, slice SST 1 SD 000002] = 12" in text
    assert "RRU.PrbUsedDl = no value" in text
    assert "DRB.UEThpDl = 3.25" in text
    assert "granularity period: 1000 ms" in text


def test_each_ue_of_a_format_3_report_is_named_on_its_lines():
    reports = tuple(
        kpm.UeReport(ue, kpm.MessageFormat1((kpm.Record((1, 2, value)),), METRICS))
        for ue, value in ((DU_UE, 3), (kpm.GnbCuUpUeId(8), 4))
    )
    text = printed(read(kpm_indication(kpm.MessageFormat3(reports)))[0])
    assert "UE F1AP 41: DRB.UEThpDl = 3" in text
    assert "UE E1AP 8: DRB.UEThpDl = 4" in text


def test_a_report_that_names_no_measurements_gives_values_by_position():
    text = printed(read(kpm_indication(kpm.MessageFormat1((kpm.Record((5,), True), kpm.Record((6,))))))[0])
    assert "period 1: value 1 = 5" in text
    assert "period 1: the record is incomplete" in text
    assert "period 2: value 1 = 6" in text


def test_a_subscription_lists_the_measurements_it_wants():
    text = printed(read(SETUP, kpm_subscription())[1])
    assert "reporting period ms: 1000" in text
    assert "RRU.PrbUsedDl [plmn 310/410, slice SST 1 SD 000002]" in text


def test_a_quota_control_is_told_as_quotas():
    text = printed(read(SETUP, rc_control(2, 6, rc.quota_message((QUOTA,))))[1])
    assert "slice: SST 1 SD 000001" in text
    assert "min percent: 10" in text and "max percent: 60" in text and "dedicated percent: 5" in text


def test_a_handover_is_told_as_its_target_cell():
    target = rc.NrCgi(b"\x00\xf1\x10", 0x123)
    assert "message: NR cell 0x123 of 001/01" in printed(read(SETUP, rc_control(3, 1, rc.handover_message(target)))[1])


def test_a_control_of_another_style_shows_its_parameters():
    text = printed(read(SETUP, rc_control(1, 1, rc.ControlMessage((rc.Parameter(70, 5),))))[1])
    assert "id: 70" in text and "value: 5" in text


def test_fragments_of_a_report_become_the_report_with_the_last():
    *early, last = read(SETUP, *rrm_indications())[1:]
    assert len(early) > 1
    assert all("whose other fragments are not here yet" in printed(reading) for reading in early)
    text = printed(last)
    assert "ue ids: [ 3, 10, 17]" in text
    assert "UE 3: RU 0, 2 PRBs, 1 W" in text
    assert "gain db: 3 x 2 x 4 values, -140 … -50" in text


def test_a_control_and_its_refusal_are_told_with_the_reason():
    _, control, failure = map(printed, read(SETUP, *rrm_control()))
    assert "allocator: ssvae" in control and "answers report 9" in control
    assert "cause: ricRequest: control-failed-to-execute" in failure and "reason: unknown_ue" in failure


def test_without_a_set_up_the_model_is_guessed_by_what_can_be_read():
    for pdu, name in (
        (kpm_indication(), "KPM"),
        (rc_control(2, 6, rc.quota_message((QUOTA,))), "RC"),
        (rrm_indications(200, 8000)[0], "RRM"),
    ):
        (reading,) = read(pdu)
        assert reading.model is not None and (reading.model.name, reading.guessed) == (name, True)
        assert f"({name}, a guess: no set-up seen)" in title(reading)


def test_what_the_caller_says_wins_over_a_guess():
    (reading,) = read(kpm_indication(), book=FunctionBook({2: RC}))
    assert (reading.model, reading.guessed, reading.whole) == (RC, False, False)
    assert "RAN function 2 (RC)" in title(reading)


def test_functions_are_learnt_by_conversation_and_changed_by_a_service_update():
    reader = MessageReader()
    swapped = RicServiceUpdate(2, modified=(replace(SETUP.ran_functions[1], id=2),))
    for pdu in (SETUP, swapped):
        reader.read(Message(encode(pdu), source="a:1", destination="b:2"))
    indication = encode(kpm_indication())
    there = reader.read(Message(indication, source="b:2", destination="a:1"))
    elsewhere = reader.read(Message(indication, source="c:1", destination="b:2"))
    assert (there.model, there.guessed) == (RC, False)
    assert (elsewhere.model, elsewhere.guessed) == (KPM, True)


def test_a_function_announced_under_no_known_name_is_not_guessed_at():
    foreign = RanFunction(2, b"what", 1, "1.2.3")
    setup = E2SetupRequest(1, SETUP.node_id, (foreign,), SETUP.components)
    reading = read(setup, kpm_indication())[1]
    assert reading.model is None and reading.contents == {}
    assert "no service model known here fits" in title(reading)


def test_an_unreadable_part_is_told_with_its_reason_and_octets():
    damaged = replace(kpm_subscription(), event_trigger=b"\xff[/red]")
    reading = read(SETUP, damaged)[1]
    assert not reading.whole
    assert "ff 5b 2f 72 65 64 5d" in printed(reading)


def test_a_pdu_that_cannot_be_read_is_told_with_cause_and_what_could_be_read():
    whole = encode(kpm_subscription())
    reading = MessageReader().read(Message(whole[:-10]))
    text = printed(reading)
    assert "not readable" in text and "cause: protocol: transfer-syntax-error" in text and "procedure: 8" in text


@pytest.mark.parametrize("pdu", SAMPLES, ids=lambda pdu: type(pdu).__name__)
def test_every_message_of_e2ap_can_be_printed(pdu: Pdu):
    (reading,) = read(pdu)
    assert pdu_name(pdu) in printed(reading)
    assert pdu_name(pdu).lower() == type(pdu).__name__.lower()


def test_names_are_spelt_as_in_the_standard():
    names = {pdu_name(pdu) for pdu in SAMPLES}
    assert {"RICindication", "E2setupRequest", "ResetRequest", "E2nodeConfigurationUpdate", "ErrorIndication"} <= names


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([encode(pdu) for pdu in (SETUP, kpm_indication(), *rrm_control())]), st.data())
def test_damaged_messages_are_always_told_somehow(octets: bytes, data: st.DataObject):
    damaged = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    assert printed(MessageReader().read(Message(bytes(damaged))))


PDU = encode(SAMPLES[3])
DUMP = f"0000   {PDU[:10].hex(' ')}   ..........\n000a   {PDU[10:].hex(' ')}\n"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (PDU.hex(), 1),
        (PDU.hex(":"), 1),
        ("0x" + PDU.hex(" ").upper(), 1),
        ("".join(f"\\x{octet:02x}" for octet in PDU), 1),
        (f"# two of them\n{PDU.hex()}\n\n{PDU.hex(' ')}\n", 2),
        (DUMP, 1),
        (DUMP + "\n" + DUMP, 2),
    ],
)
def test_hexadecimal_is_understood_in_the_ways_people_paste_it(text: str, count: int):
    assert [message.data for message in messages_of_text(text)] == [PDU] * count
    assert [message.data for message in messages_of_file(text.encode())] == [PDU] * count


def test_raw_pdus_and_length_prefixed_streams_are_files_too():
    framed = len(PDU).to_bytes(4, "big") + PDU
    assert [message.data for message in messages_of_file(PDU)] == [PDU]
    assert [message.data for message in messages_of_file(framed * 3)] == [PDU] * 3


@pytest.mark.parametrize("data", [b"neither here nor there", b"\xff\xfe\xfd", PDU + b"\xff"])
def test_what_is_nothing_of_this_is_refused(data: bytes):
    with pytest.raises(DecodeError):
        list(messages_of_file(data))
