from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.errors import DecodeError, LocalProtocolError
from oran.platform.a1_messages import (
    HandlerStatus,
    NotEnforcedReason,
    Operation,
    PolicyRequest,
    PolicyResponse,
    decode_policy_query,
    decode_policy_request,
    decode_policy_response,
    encode_policy_query,
    encode_policy_request,
    encode_policy_response,
)

DECODERS = (decode_policy_request, decode_policy_response, decode_policy_query)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["operation", "policy_type_id", "policy_instance_id", "payload", "status", "handler_id", "reason"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


def test_a_request_reads_the_same_from_old_and_new_mediators():
    new = {"operation": "CREATE", "policy_type_id": "20008", "policy_instance_id": "p", "payload": '{"a": 1}'}
    old = {"operation": "CREATE", "policy_type_id": 20008, "policy_instance_id": "p", "payload": {"a": 1}}
    expected = PolicyRequest(Operation.CREATE, 20008, "p", '{"a": 1}')
    assert decode_policy_request(json.dumps(new).encode()) == expected
    assert decode_policy_request(json.dumps(old).encode()) == expected
    assert expected.payload() == {"a": 1}


def test_a_closing_nul_of_a_peer_written_in_c_is_not_part_of_the_message():
    assert decode_policy_query(b'{"policy_type_id": 7}\0') == 7


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"'])
def test_a_policy_that_is_no_object_is_refused(text: str):
    with pytest.raises(DecodeError):
        PolicyRequest(Operation.CREATE, 1, "p", text).payload()


def test_type_ids_of_answers_and_queries_are_json_numbers():
    response = encode_policy_response(PolicyResponse(20100, "p", "demo", HandlerStatus.OK))
    assert json.loads(response) == {
        "policy_type_id": 20100,
        "policy_instance_id": "p",
        "handler_id": "demo",
        "status": "OK",
    }
    assert encode_policy_query(20100) == b'{"policy_type_id": 20100}'


@pytest.mark.parametrize("type_id", ["20100", True, 1.0, None])
def test_a_type_id_that_is_no_integer_never_leaves(type_id: object):
    with pytest.raises(LocalProtocolError):
        encode_policy_query(type_id)  # type: ignore[arg-type]
    with pytest.raises(LocalProtocolError):
        encode_policy_response(PolicyResponse(type_id, "p", "h", HandlerStatus.OK))  # type: ignore[arg-type]


@pytest.mark.parametrize("decode", [decode_policy_response, decode_policy_query])
def test_a_type_id_as_text_is_refused_as_the_platform_cannot_read_it(decode):
    body = {"policy_type_id": "20100", "policy_instance_id": "p", "handler_id": "h", "status": "OK"}
    with pytest.raises(DecodeError):
        decode(json.dumps(body).encode())


@given(st.sampled_from(Operation), st.integers(1, 2**31 - 1), st.text(), st.text())
def test_every_request_is_read_back(operation: Operation, type_id: int, instance: str, payload: str):
    request = PolicyRequest(operation, type_id, instance, payload)
    assert decode_policy_request(encode_policy_request(request)) == request


@given(
    st.integers(1, 2**31 - 1),
    st.text(),
    st.text(),
    st.sampled_from(HandlerStatus),
    st.none() | st.sampled_from(NotEnforcedReason),
)
def test_every_response_is_read_back(type_id, instance, handler, status, reason):
    response = PolicyResponse(type_id, instance, handler, status, reason)
    assert decode_policy_response(encode_policy_response(response)) == response


@given(st.sampled_from(DECODERS), st.binary(max_size=40) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_but_a_decode_error_escapes_a_decoder(decode, data: bytes):
    try:
        decode(data)
    except DecodeError:
        return


@pytest.mark.parametrize("decode", DECODERS)
def test_json_nested_without_end_is_refused(decode):
    with pytest.raises(DecodeError):
        decode(b"[" * 100_000)
