from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
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
        "mode": st.sampled_from(["serve", "shadow", "canary", "", 1]),
        "canary": st.fixed_dictionaries(
            {},
            optional={
                "nodes": st.sampled_from([["gnb"], [], [""], "gnb", [1]]),
                "share": st.sampled_from([0.1, 0.999, 0, 1, True, "0.1"]),
                "other": st.just(1),
            },
        ),
        "guard": st.fixed_dictionaries(
            {},
            optional={
                "min_intervals": st.sampled_from([1, 500, 0, 1.5, True]),
                "max_throughput_loss": st.sampled_from([0, 0.1, 1, -0.1, "0.1"]),
                "false_alarm": st.sampled_from([0.5, 0.01, 0, 0.6]),
                "watch_intervals": st.sampled_from([0, 1, -1]),
                "other": st.just(1),
            },
        ),
        "other": st.just(1),
    },
)


@pytest.mark.parametrize("schema", [MODEL_SCHEMA, REPORTING_SCHEMA])
def test_the_schemas_are_draft_07(schema: dict[str, Any]):
    Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("body", [{"allocator": "equal"}, WHOLE, {key: WHOLE[key] for key in WHOLE if key != "store"}])
def test_a_model_policy_is_written_as_it_was_read(body: dict[str, Any]):
    assert ModelPolicy.from_json(body).to_json() == body


@pytest.mark.parametrize(
    "body",
    [
        {"allocator": "matching", "mode": "shadow"},
        WHOLE | {"mode": "canary", "canary": {"share": 0.1}, "guard": {"max_throughput_loss": 0.03}},
        WHOLE | {"mode": "canary", "canary": {"nodes": ["gnb_1"]}},
        WHOLE | {"mode": "serve", "guard": {}},
    ],
)
def test_trials_are_model_policies_and_are_written_as_they_were_read(body: dict[str, Any]):
    assert Draft7Validator(MODEL_SCHEMA).is_valid(body)
    policy = ModelPolicy.from_json(body)
    assert policy.on_trial == (body["mode"] != "serve")
    assert ModelPolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize(
    "body",
    [
        {"allocator": "greedy", "mode": "canary"},
        {"allocator": "greedy", "mode": "shadow", "canary": {"share": 0.1}},
        {"allocator": "greedy", "canary": {"share": 0.1}},
        {"allocator": "greedy", "mode": "canary", "canary": {"share": 0.1, "nodes": ["gnb"]}},
        {"allocator": "greedy", "mode": "canary", "canary": {}},
    ],
)
def test_a_canary_says_where_and_nobody_else_does(body: dict[str, Any]):
    assert not Draft7Validator(MODEL_SCHEMA).is_valid(body)
    with pytest.raises(DecodeError):
        ModelPolicy.from_json(body)


@settings(max_examples=400)
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
