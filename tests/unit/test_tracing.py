"""What one request looks like in Langfuse."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langfuse import LangfuseOtelSpanAttributes

from plugins.tracing import (
    Span,
    cost_details,
    environment_of,
    parse_traceparent,
    span_id_of,
    spans_of,
    trace_id_of,
    usage_details,
)
from plugins.values import Caller, Step, Trace, Usage
from tests.unit.traces import START_NS, a_trace, mixed_traces

PUBLIC = {v for k, v in vars(LangfuseOtelSpanAttributes).items() if not k.startswith("_")}
METADATA = ("langfuse.observation.metadata.", "langfuse.trace.metadata.")


def spans(trace: Trace) -> tuple[Span, ...]:
    return spans_of(trace, environment="production", release="1.2.3")


def generation(trace: Trace) -> Span:
    (found,) = [s for s in spans(trace) if s.attributes["langfuse.observation.type"] == "generation"]
    return found


def test_a_request_is_a_root_its_steps_and_one_generation() -> None:
    """The steps and the generation are children of the one root, in one trace."""
    root, *children = spans(a_trace())
    assert [s.name for s in children] == ["policy", "classify", "attempt", "mid"]
    assert root.parent_id == ""
    assert {s.parent_id for s in children} == {root.span_id}
    assert {s.trace_id for s in children} == {root.trace_id}
    assert len({s.span_id for s in (root, *children)}) == 5


def test_fields_stand_where_langfuse_can_group_by_them() -> None:
    """Tenant, app and feature, session, environment, release and tags are on every span."""
    for span in spans(a_trace(feature="reply", session="s-9")):
        assert span.attributes["user.id"] == "acme"
        assert span.attributes["langfuse.trace.name"] == "helpdesk/reply"
        assert span.attributes["session.id"] == "acme/s-9"
        assert span.attributes["langfuse.environment"] == "production"
        assert span.attributes["langfuse.release"] == "1.2.3"
        assert span.attributes["langfuse.trace.tags"] == (
            "outcome:answered",
            "cache:miss",
            "task:code",
            "layer:scored",
        )


def test_the_generation_is_named_after_the_tier_and_carries_the_model() -> None:
    """Tier and model can both be grouped by."""
    span = generation(a_trace())
    assert span.name == "mid"
    assert span.attributes["langfuse.observation.model.name"] == "gpt-mid"


def test_the_generation_spans_the_model_attempts() -> None:
    """Its times are those of the calls to models, not of the whole request."""
    span = generation(a_trace())
    assert (span.started_ns - START_NS, span.ended_ns - START_NS) == (10 * 10**6, 890 * 10**6)


@pytest.mark.parametrize("outcome", ["answered", "cached", "refused", "failed", "aborted"])
def test_every_outcome_has_one_generation_with_both_details(outcome: str) -> None:
    """Also a request without a model call says "zero", so that no server invents a price."""
    trace = a_trace(outcome=outcome, cost_micros=0, costs={}, usage=Usage(), model="", tier="")
    attributes = generation(trace).attributes
    cost = json.loads(str(attributes["langfuse.observation.cost_details"]))
    usage = json.loads(str(attributes["langfuse.observation.usage_details"]))
    assert set(cost.values()) == {0.0}
    assert set(usage.values()) == {0}
    assert "langfuse.observation.model.name" not in attributes


def test_only_the_generation_carries_cost_or_usage() -> None:
    """Nothing is counted twice when a server adds up observations."""
    costly = [s.name for s in spans(a_trace()) if any("_details" in key for key in s.attributes)]
    assert costly == ["mid"]


def test_cost_is_split_by_kind_and_adds_up() -> None:
    """Each kind has its key, zeros included."""
    assert cost_details(a_trace()) == {
        "model": 0.0015,
        "router_llm": 0.0,
        "judge": 0.0,
        "embedding": 0.00002,
        "total": 0.00152,
    }


def test_a_cost_without_a_kind_is_not_lost() -> None:
    """What the kinds do not explain is shown as `other`."""
    assert cost_details(a_trace(cost_micros=1_530))["other"] == 0.00001


def test_usage_kinds_do_not_overlap() -> None:
    """Cached and reasoning tokens are taken out of the direction that they are part of."""
    assert usage_details(Usage(120, 40, 20, 8)) == {
        "input": 100,
        "input_cached_tokens": 20,
        "output": 32,
        "output_reasoning_tokens": 8,
        "total": 160,
    }


def test_cost_and_usage_have_the_types_that_langfuse_stores() -> None:
    """Usage in integers, cost in floats, whatever the mix of requests."""
    for trace in mixed_traces(50):
        assert all(type(value) is float for value in cost_details(trace).values())
        assert all(type(value) is int for value in usage_details(trace.usage).values())


def test_every_attribute_is_one_of_langfuses_own() -> None:
    """Unknown keys would land in a catch-all that nobody finds."""
    for trace in (a_trace(input="q", output="a", session="s"), *mixed_traces(100)):
        for span in spans(trace):
            for key in span.attributes:
                assert key in PUBLIC or key.startswith(METADATA), key


def test_ids_follow_from_the_call_id() -> None:
    """The same call gives the same ids in any process; a UUID is readable in the trace id."""
    assert trace_id_of("8c5f7a1e-6f0b-4f4e-9d0a-2b8f3a4c5d6e") == "8c5f7a1e6f0b4f4e9d0a2b8f3a4c5d6e"
    assert trace_id_of("chatcmpl-7") == "ec6ed6b91b11ee1404c3f07c54e86206"
    assert span_id_of("chatcmpl-7", "policy", 1) == span_id_of("chatcmpl-7", "policy", 1)
    assert span_id_of("chatcmpl-7", "policy", 1) != span_id_of("chatcmpl-7", "policy", 2)


@given(st.text(max_size=80))
def test_any_call_id_gives_valid_ids(call_id: str) -> None:
    """32 and 16 lower-case hex digits, not all zero (an all-zero id is invalid)."""
    for found, digits in ((trace_id_of(call_id), 32), (span_id_of(call_id, "x"), 16)):
        assert len(found) == digits
        assert int(found, 16) > 0
        assert found == found.lower()


def test_a_clients_traceparent_becomes_a_link_and_not_the_parent() -> None:
    """The client finds our trace from its own, but cannot place it inside a trace of its choice."""
    client = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    root, *_ = spans(a_trace(traceparent=client))
    assert root.link is not None
    assert root.link.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert root.trace_id == trace_id_of(a_trace().id)
    assert root.attributes["langfuse.trace.metadata.client_trace_id"] == root.link.trace_id


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" + "-x" * 10_000,
        "00-٤bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_an_invalid_traceparent_is_ignored(header: str) -> None:
    """As the W3C recommendation asks: an invalid header counts as none."""
    assert parse_traceparent(header) is None


def test_a_later_traceparent_version_may_have_more_fields() -> None:
    """The recommendation keeps the first four fields in later versions."""
    assert parse_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more") is not None


@given(st.text(max_size=100))
def test_parsing_any_header_never_raises(header: str) -> None:
    """The header comes from a client."""
    found = parse_traceparent(header)
    assert found is None or len(found.trace_id) == 32


def test_a_session_belongs_to_its_tenant() -> None:
    """Two tenants that choose the same session id do not share a session."""
    ours = spans(a_trace(session="1"))[0].attributes["session.id"]
    theirs = spans(a_trace(session="1", caller=Caller("globex", "search", "k")))[0].attributes["session.id"]
    assert ours != theirs


def test_a_feature_cannot_pose_as_another_app() -> None:
    """What the client sends stays behind its app's name, on one line and short."""
    name = str(spans(a_trace(feature="\n billing/" + "x" * 500))[0].attributes["langfuse.trace.name"])
    assert name.startswith("helpdesk/billing/x")
    assert len(name) < 100


def test_failures_and_refusals_stand_out() -> None:
    """A failure is an error with its code as message; a refusal is a warning."""
    failed = spans(a_trace(outcome="failed", error_code="upstream_error"))[0]
    refused = spans(a_trace(outcome="refused", error_code="insufficient_quota"))[0]
    assert failed.failed
    assert failed.attributes["langfuse.observation.level"] == "ERROR"
    assert failed.attributes["langfuse.observation.status_message"] == "upstream_error"
    assert refused.attributes["langfuse.observation.level"] == "WARNING"
    assert not refused.failed


def test_a_step_with_an_error_is_shown_as_failed() -> None:
    """So a failed attempt is visible although the request was answered after a fallback."""
    step = Step("attempt", START_NS, START_NS + 5, {"error": "timeout", "model": "gpt-mid"})
    span = spans(a_trace(steps=(step,)))[1]
    assert span.failed
    assert span.attributes["langfuse.observation.status_message"] == "timeout"
    assert span.attributes["langfuse.observation.metadata.model"] == "gpt-mid"


def test_the_first_token_is_reported_as_completion_start() -> None:
    """Langfuse computes the time to first token from it."""
    value = generation(a_trace()).attributes["langfuse.observation.completion_start_time"]
    assert str(value).endswith("40.300000+00:00")


def test_content_is_sent_only_if_there_is_some() -> None:
    """Where the capture policy left nothing, no key is sent either."""
    assert not [k for s in spans(a_trace()) for k in s.attributes if k.endswith((".input", ".output"))]
    captured = spans(a_trace(input="why?", output="because"))
    assert captured[0].attributes["langfuse.observation.input"] == "why?"
    assert generation(a_trace(output="because")).attributes["langfuse.observation.output"] == "because"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("production", "production"),
        ("EU West.1", "eu-west-1"),
        ("langfuse-x", "env-langfuse-x"),
        ("..", "default"),
    ],
)
def test_environments_are_made_acceptable(name: str, expected: str) -> None:
    """Langfuse refuses upper case, dots and its own prefix."""
    assert environment_of(name) == expected


def test_times_that_run_backwards_are_clamped() -> None:
    """A clock that was set back must not produce a span that ends before it starts."""
    trace = replace(a_trace(), ended_ns=START_NS - 5, steps=(Step("policy", START_NS, START_NS - 9),))
    assert all(span.ended_ns >= span.started_ns for span in spans(trace))
