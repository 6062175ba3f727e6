"""Which answers of a cheap model may go out, and which call for a better one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.labels import TASKS
from plugins.escalation import CHECKS, Answer, Assessment, confident_enough
from plugins.values import Call, Caller, Endpoint, Message, Usage


def call(question: str = "Tell me something.", shape: object = None, limit: int | None = None) -> Call:
    return Call(
        id="c",
        endpoint=Endpoint.CHAT,
        caller=Caller("tenant", "app", "key"),
        model="auto",
        messages=(Message("user", question),),
        shape=json.dumps(shape or {}),
        max_output_tokens=limit,
    )


def failed(question: str, answer: Answer | str, task: str = "chat", shape: object = None) -> str:
    given_answer = Answer(answer) if isinstance(answer, str) else answer
    return confident_enough(call(question, shape), task, given_answer).check


def schema(**properties: object) -> dict[str, object]:
    wanted = {"type": "object", "properties": properties, "required": list(properties)}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": wanted}}}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the capital of France?", "Paris."),
        ("What is 17*23?", "17 × 23 = 391"),
        ("Explain 1/3.", "1/3 = 0.33, and 2 + 3 * 4 = 14 because 3 * 4 = 12."),
        ("Why is 2+2=5 wrong?", "Because 2+2=5 does not hold: 2+2=4."),
        ("Convert to binary.", "1+1=10"),
        (
            "Is it sure?",
            "Yes. " + "A long and useful explanation follows here. It has many parts. " * 9 + "I'm not sure of one.",
        ),
        ("Give a table.", "| a | b |\n" * 40),
        ("Tell me of a robot.", "\u201cI'm sorry, but I can't help you,\u201d said the robot. The door stayed shut."),
        ("Give a nervous line.", "\"I'm not sure, I really don't know,\" she said."),
        ("Answer with the mark that ends a question.", "?"),
        ("Answer with one emoji.", "\U0001f44d\ufe0f"),
        ("What does <|im_end|> do?", "<|im_end|> ends a turn."),
        ("Which character stands for what could not be read?", "\ufffd, U+FFFD."),
        ("Write a rule of 200 dashes: repeat the dash.", "-" * 200),
        ("Write an HTML error page.", "<html><head><title>503 Gone fishing</title></head></html>"),
        ("Give a shell line.", "```sh\nls\n```"),
        ("How does one open a fence of code?", "With three backticks, ``` that is, at the start of a line."),
        ("Let's begin.", "Here are two:\n- one\n- two"),
        ("Answer in German, then in English: hello?", "Hello, that is what you have to say when they are with you."),
        ("Reply in French: yes?", "Oui."),
        (
            "Was heißt das auf Englisch und warum ist das so?",
            "That is what it was and it is not with us.",
        ),
    ],
)
def test_sound_answers_pass(question: str, answer: str) -> None:
    """A right, modest or unusual answer is not escalated."""
    assert failed(question, answer) == ""


@pytest.mark.parametrize(
    ("question", "answer", "check"),
    [
        ("x", Answer("  \n"), "empty"),
        ("x", Answer("half a sent", finish_reason="length"), "truncated"),
        ("x", Answer("part", finish_reason="content_filter"), "content_filter"),
        ("x", Answer("I'm sorry, but I can't help with that."), "refusal"),
        ("x", Answer("Es tut mir leid, aber das kann ich nicht."), "refusal"),
        ("x", Answer("Je ne peux pas répondre à cette question."), "refusal"),
        ("x", Answer("Lo siento, pero no puedo ayudarte."), "refusal"),
        ("x", Answer("\"I'm sorry, but I can't help with that.\""), "refusal"),
        ("x", Answer("I'm not sure, maybe Rome."), "hedge"),
        ("x", Answer("Das weiß ich nicht. Ich weiß es leider nicht."), "hedge"),
        ("x", Answer("17*23=401, so the answer is 401."), "arithmetic"),
        ("x", Answer("First 12,500 + 500 = 13,000. Then 13,000 / 4 = 3,350."), "arithmetic"),
        ("x", Answer("and so on and on, " * 40), "repetition"),
        ("x", Answer("word", mean_logprob=-2.5, usage=Usage(1, 40)), "logprob"),
        ("x", Answer("\u200b\u2060\ufeff"), "empty"),
        ("x", Answer("Sure! Here is a summary of the report:"), "empty"),
        ("x", Answer("Let me think about this step by step."), "empty"),
        ("x", Answer("Bern.<|im_end|>\n<|im_start|>user\nAnd of Spain?"), "damaged"),
        ("x", Answer("Owls \ufffd\ufffd\ufffd at night."), "damaged"),
        ("x", Answer("#" * 300), "damaged"),
        ("x", Answer("[INST] x [/INST] y"), "damaged"),
        (
            "x",
            Answer("<html>\n<head><title>503 Service Unavailable</title></head>\n<body>nginx</body></html>"),
            "damaged",
        ),
        ("x", Answer("Leider kann ich diese Frage nicht beantworten."), "refusal"),
        ("x", Answer("```python\ndef half(x):\n    return x /"), "damaged"),
        ("x", Answer("Je ne suis malheureusement pas en mesure de vous le dire."), "refusal"),
        ("x", Answer("Sorry, an error occurred on our side. Please try again later."), "refusal"),
        (
            "Reply in German: how do fish breathe?",
            Answer("They take oxygen from the water by their gills, which are rich in blood."),
            "language",
        ),
        (
            "Wie viele Menschen wohnen in der Stadt und was ist das für eine Zahl?",
            Answer("There are about two million people that live in the city and this is not a small number."),
            "language",
        ),
    ],
)
def test_weak_answers_are_named(question: str, answer: Answer, check: str) -> None:
    """Each kind of weak answer fails the check of its name."""
    assert failed(question, answer) == check


def test_a_limit_of_the_caller_is_no_truncation() -> None:
    """What the caller's own limit cut would be cut from a better model's answer, too."""
    cut = Answer("half", finish_reason="length", usage=Usage(1, 5))
    assert confident_enough(call(limit=5), "chat", cut).ok
    assert not confident_enough(call(limit=500), "chat", cut).ok


def test_what_the_callers_own_words_cut_is_not_damaged() -> None:
    """A block that the caller's limit or stop words left open is what the caller wanted."""
    block = "```python\nx = 1\n"
    assert failed("x", Answer(block), shape={"stop": ["```"]}) == ""
    assert confident_enough(call(limit=5), "code", Answer(block, "length", usage=Usage(1, 5))).ok
    assert failed("x", Answer(block)) == "damaged"


def test_words_that_announce_something_may_be_what_was_asked_for() -> None:
    """A translation or an invented line is not taken for the announcement of one."""
    assert failed("x", Answer("Let me think about it."), task="translation") == ""
    assert failed("x", Answer("Let me think about it."), task="reasoning") == "empty"


def test_a_refusal_that_was_asked_for_passes() -> None:
    """A letter that declines says that it cannot, as it should; of another task the same words are a refusal."""
    letter = "I'm sorry, but I can't come on Friday."
    assert failed("Write a line that declines an invitation.", letter, task="generation") == ""
    assert failed("When do you come?", letter) == "refusal"


def test_a_tool_call_needs_no_text() -> None:
    """An answer that calls a tool may be without text; one without the call that was required fails."""
    assert failed("x", Answer("", "tool_calls", tool_calls=1)) == ""
    assert failed("x", Answer("Sure."), shape={"tool_choice": "required"}) == "tool_call"


@pytest.mark.parametrize(
    ("name", "arguments", "ok"),
    [
        ("weather", '{"city": "Bern"}', True),
        ("weather", '{"city": 4}', False),
        ("weather", "", False),
        ("weather", '{"city": "Bern"', False),
        ("forecast", '{"city": "Bern"}', False),
        ("now", "", True),
        ("now", '{"any": 1}', True),
    ],
)
def test_a_call_that_nobody_could_carry_out_fails(name: str, arguments: str, ok: bool) -> None:
    """A function that was not offered, and arguments that are no JSON of its schema; one without a schema takes any."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [
        {"type": "function", "function": {"name": "weather", "parameters": parameters}},
        {"type": "function", "function": {"name": "now"}},
    ]
    answer = Answer("", "tool_calls", 1, called=((name, arguments),))
    assert failed("x", answer, shape={"tools": tools}) == ("" if ok else "tool_call")
    assert failed("x", answer, shape={"tools": [*tools, {"type": "web_search"}]}) == "", "not all names are known"


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ('{"a": 1}', True),
        ('```json\n{"a": 1}\n```', True),
        ('{"b": 1}', False),
        ('{"a": "x"}', False),
        ("Sure!", False),
    ],
)
def test_the_schema_asked_for_is_checked(text: str, ok: bool) -> None:
    """JSON of the schema passes, fenced too; a missing field, a wrong type or prose fails."""
    assert failed("x", text, shape=schema(a={"type": "integer"})) == ("" if ok else "schema")


def test_a_missing_field_is_named() -> None:
    """The reason names the required field, which is the client's word, and no value of the answer."""
    reason = confident_enough(
        call(shape=schema(total={"type": "integer"})), "extraction", Answer('{"x": "secret"}')
    ).reason
    assert "total" in reason
    assert "secret" not in reason


DOUBLING = {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)} | {"40": False}


@pytest.mark.parametrize(
    "hostile",
    [
        {"$ref": "#"},
        {"$ref": "https://example.org/schema.json"},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}},
        {"patternProperties": {"(a+)+$": {}}},
        {
            "$defs": {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)} | {"40": False},
            "$ref": "#/$defs/0",
        },
        {"type": 5},
    ],
)
def test_a_hostile_schema_is_no_evidence(hostile: dict[str, object]) -> None:
    """A schema that loops, leaves the document, explodes or is broken neither hangs nor raises."""
    shape = {"response_format": {"type": "json_schema", "json_schema": {"schema": hostile}}}
    result = confident_enough(call(shape=shape), "extraction", Answer(json.dumps({"a": "a" * 40 + "!"})))
    assert isinstance(result, Assessment)


def test_a_summary_longer_than_its_text_fails() -> None:
    """A summary must not outgrow what it summarises."""
    text = "Summarise: " + " ".join(f"fact {n} stands here" for n in range(40))
    assert failed(text, text + " And more of the same kind.", task="summarisation") == "length"


def test_far_fewer_words_than_asked_fail() -> None:
    """A text of a tenth of the words asked for is too short."""
    assert failed("Write a story of 500 words.", "Once there was a king. The end.", task="generation") == "length"


def test_the_reason_names_the_check() -> None:
    """A failed assessment's reason begins with its check."""
    result = confident_enough(call(), "chat", Answer(""))
    assert result.reason.startswith(result.check)
    assert result.check in CHECKS


@given(
    st.text(max_size=400),
    st.text(max_size=200),
    st.sampled_from(TASKS),
    st.sampled_from([None, schema(a={"type": "null"})]),
)
@settings(max_examples=150)
def test_no_text_raises(answer: str, question: str, task: str, shape: object) -> None:
    """Any answer to any question of any task is assessed."""
    assert isinstance(confident_enough(call(question, shape), task, Answer(answer)), Assessment)


@given(st.integers(-9999, 9999), st.sampled_from("+-*"), st.integers(0, 9999))
def test_true_sums_pass(a: int, operator: str, b: int) -> None:
    """No correct sum of integers is called wrong."""
    result = {"+": a + b, "-": a - b, "*": a * b}[operator]
    assert failed("Compute it.", f"So {a} {operator} {b} = {result}.", task="maths") == ""
