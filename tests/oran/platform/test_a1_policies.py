from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from oran.errors import DecodeError
from oran.platform.a1 import MODEL_SCHEMA, REPORTING_SCHEMA, ModelPolicy, ReportingPolicy

WHOLE = {"allocator": "ssvae", "model": "m", "version": 3, "sha256": "0" * 64, "store": "127.0.0.1:50051"}
MAYBE = st.fixed_dictionaries(
    {},
    optional={
        "allocator": st.sampled_from(["equal", "", 3, None]),
        "model": st.sampled_from(["m", "", 1]),
        "version": st.sampled_from([1, 0, -1, "1", 1.5, True]),
        "sha256": st.sampled_from(["a" * 64, "A" * 64, "a" * 63]),
        "store": st.sampled_from(["host:1", "host", "http://host:1"]),
        "other": st.just(1),
    },
)


@pytest.mark.parametrize("schema", [MODEL_SCHEMA, REPORTING_SCHEMA])
def test_the_schemas_are_draft_07(schema: dict[str, Any]):
    Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("body", [{"allocator": "equal"}, WHOLE, {key: WHOLE[key] for key in WHOLE if key != "store"}])
def test_a_model_policy_is_written_as_it_was_read(body: dict[str, Any]):
    assert ModelPolicy.from_json(body).to_json() == body


@given(MAYBE)
def test_schema_and_type_agree_on_what_a_model_policy_is(body: dict[str, Any]):
    by_schema = Draft7Validator(MODEL_SCHEMA).is_valid(body)
    try:
        ModelPolicy.from_json(body)
    except DecodeError:
        assert not by_schema
    else:
        assert by_schema


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "clock": st.sampled_from(["lock-step", "free-running", "x", 1]),
            "period_ms": st.integers(-1, 10_001),
        },
    )
)
def test_schema_and_type_agree_on_what_a_reporting_policy_is(body: dict[str, Any]):
    by_schema = Draft7Validator(REPORTING_SCHEMA).is_valid(body)
    try:
        ReportingPolicy.from_json(body)
    except DecodeError:
        assert not by_schema
    else:
        assert by_schema


@pytest.mark.parametrize("body", [None, [], "equal", {"allocator": "x", "model": "m", "version": 1}])
def test_what_is_no_model_policy_is_refused(body: object):
    with pytest.raises(DecodeError):
        ModelPolicy.from_json(body)
