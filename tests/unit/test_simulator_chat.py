"""The simulated provider answers chat completions as OpenAI does."""

import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest

from plugins.trial.simulator import MODELS
from plugins.trial.simulator.models import whole_micros
from tests.simulator_client import SimulatorClient

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "weather", "parameters": WEATHER},
}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient() as client:
        yield client


async def test_a_known_question_is_answered_in_a_chat_completion(simulator: SimulatorClient) -> None:
    """The right answer comes with id, model, role, finish_reason and a total that adds up."""
    body = await simulator.ask("What is the capital of Portugal?", "sim-small")
    choice, usage = body["choices"][0], body["usage"]
    assert body["object"] == "chat.completion" and body["model"] == "sim-small"
    assert choice["message"] == {
        "role": "assistant",
        "content": "The capital of Portugal is Lisbon.",
        "refusal": None,
    }
    assert choice["finish_reason"] == "stop"
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_tokens_are_counted_with_a_real_tokenizer(simulator: SimulatorClient) -> None:
    """cl100k_base: one token for each of these words and for the role, plus 3 per message and 3 to prime."""
    body = await simulator.ask("hello world again", stop="!")
    assert body["usage"]["prompt_tokens"] == 3 + 1 + 3 + 3


async def test_the_same_prompt_gets_the_same_answer(simulator: SimulatorClient) -> None:
    """Answers depend on the model and the prompt alone."""
    prompt = "Describe a good way to store tea."
    first, second = [await simulator.ask(prompt, "sim-small") for _ in range(2)]
    assert first["choices"] == second["choices"] and first["usage"] == second["usage"]


async def test_different_prompts_get_different_answers(simulator: SimulatorClient) -> None:
    """Even prompts without a known answer can be told apart by the reply, also by their earlier turns."""
    history = [{"role": "user", "content": "We speak of tea."}, {"role": "assistant", "content": "Yes."}]
    asked = {"role": "user", "content": "How is it stored?"}
    replies = {
        (await simulator.ask("", messages=messages))["choices"][0]["message"]["content"]
        for messages in ([asked], [*history, asked], [{"role": "user", "content": "How is it sold?"}])
    }
    assert len(replies) == 3


async def test_max_tokens_cuts_the_answer(simulator: SimulatorClient) -> None:
    """Exactly that many tokens are given and billed, and finish_reason says length."""
    limits: list[dict[str, Any]] = [{"max_tokens": 5}, {"max_completion_tokens": 5}]
    for limit in limits:
        body = await simulator.ask("Describe the sea.", **limit)
        assert body["usage"]["completion_tokens"] == 5
        assert body["choices"][0]["finish_reason"] == "length"


async def test_stop_words_end_the_answer(simulator: SimulatorClient) -> None:
    """The stop word itself is not part of the answer."""
    body = await simulator.ask("What is the capital of France?", stop=[" Paris"])
    assert body["choices"][0]["message"]["content"] == "The capital of France is"


async def test_n_gives_that_many_choices(simulator: SimulatorClient) -> None:
    """Each choice has its index and all are billed."""
    one, three = [await simulator.ask("What is 17 + 25?", n=n) for n in (1, 3)]
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert three["usage"]["completion_tokens"] == 3 * one["usage"]["completion_tokens"]


async def test_a_tool_is_called_with_arguments_that_follow_its_schema(simulator: SimulatorClient) -> None:
    """The city is the one of the prompt."""
    body = await simulator.ask("How warm is it in Oslo, in celsius?", tools=[TOOL])
    choice = body["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls" and call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo", "unit": "celsius"}


@pytest.mark.parametrize("schema", [{"type": "string"}, {"a": 1}, {"properties": {}}])
async def test_a_tool_whose_arguments_are_no_object_is_refused(simulator: SimulatorClient, schema: object) -> None:
    """400 invalid_function_parameters, as OpenAI answers."""
    tool = {"type": "function", "function": {"name": "look", "parameters": schema}}
    reply = await simulator.post("Look it up.", tools=[tool])
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_function_parameters")


@pytest.mark.parametrize("choice", ["none", None])
async def test_no_tool_is_called_when_not_wanted(simulator: SimulatorClient, choice: str | None) -> None:
    """tool_choice none, and a tool's result as the last message, both lead to words."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "How warm is it in Oslo?"}]
    if choice is None:
        call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": "c", "content": "4 degrees"})
    body = await simulator.ask("", messages=messages, tools=[TOOL], tool_choice=choice)
    message = body["choices"][0]["message"]
    assert "tool_calls" not in message
    assert choice == "none" or "4 degrees" in message["content"]


async def test_json_schema_is_followed(simulator: SimulatorClient) -> None:
    """The content parses, is valid, and holds the right answer where a field asks for it."""
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}, "city": {"type": "string"}},
        "required": ["answer", "city"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "sum", "schema": schema, "strict": True}}
    body = await simulator.ask("What is 17 + 25?", response_format=wanted)
    value = json.loads(body["choices"][0]["message"]["content"])
    jsonschema.validate(value, schema)
    assert value["answer"] == 42


async def test_json_object_is_json(simulator: SimulatorClient) -> None:
    """Without a schema an object with the answer is given."""
    body = await simulator.ask("JSON: what is 17 + 25?", response_format={"type": "json_object"})
    assert json.loads(body["choices"][0]["message"]["content"])["answer"] == "42"


async def test_images_are_for_the_models_that_see_them(simulator: SimulatorClient) -> None:
    """The larger ones bill 85 tokens for a low-detail picture, the smaller ones answer 400."""
    content = [{"type": "text", "text": "hello"}, PICTURE]
    plain = await simulator.ask("hello", "sim-mid")
    seen = await simulator.ask("", "sim-mid", messages=[{"role": "user", "content": content}])
    assert seen["usage"]["prompt_tokens"] == plain["usage"]["prompt_tokens"] + 85
    blind = await simulator.post("", "sim-small", messages=[{"role": "user", "content": content}])
    assert blind.status_code == 400 and "image" in blind.json()["error"]["message"]


async def test_a_prompt_that_does_not_fit_is_refused(simulator: SimulatorClient) -> None:
    """400 context_length_exceeded, and nothing is billed."""
    response = await simulator.post("tea " * 16_400, "sim-small")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert (await simulator.calls())["by_model"]["sim-small"]["billed_micros"] == 0


async def test_a_repeated_long_beginning_is_billed_as_cached(simulator: SimulatorClient) -> None:
    """From 1,024 tokens on, in steps of 128; the books use the cached price for them."""
    system = {"role": "system", "content": "tea " * 1_500}
    usages = [
        (await simulator.ask("", messages=[system, {"role": "user", "content": text}]))["usage"]
        for text in ("Which one?", "And where?")
    ]
    cached = [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages]
    assert cached == [0, 1408]
    record = (await simulator.calls())["recent"][-1]
    prices, usage = MODELS["sim-frontier"], usages[-1]
    assert record["billed_picos"] == prices.bill_picos(usage["prompt_tokens"], 1408, usage["completion_tokens"])


async def test_reasoning_tokens_are_part_of_the_completion(simulator: SimulatorClient) -> None:
    """They are spent by the model that reasons, when effort is asked for."""
    plain, thought = [
        (await simulator.ask("What is 17 + 25?", reasoning_effort=effort))["usage"] for effort in ("none", "low")
    ]
    assert thought["completion_tokens_details"]["reasoning_tokens"] == 16
    assert thought["completion_tokens"] == plain["completion_tokens"] + 16


async def test_a_right_answer_has_confident_logprobs(simulator: SimulatorClient) -> None:
    """One row per word, above -0.4 each; the row's tokens joined are the content."""
    choice = (await simulator.ask("What is 17 + 25?", logprobs=True))["choices"][0]
    rows = choice["logprobs"]["content"]
    assert "".join(row["token"] for row in rows) == choice["message"]["content"]
    assert all(-0.4 < row["logprob"] < 0 for row in rows)


async def test_the_books_bill_each_call_by_its_tokens(simulator: SimulatorClient) -> None:
    """Micro-dollars per million tokens, rounded up per call; totals per model and endpoint."""
    usage = (await simulator.ask("What is 17 + 25?", "sim-small", user="u1"))["usage"]
    calls = await simulator.calls()
    picos = usage["prompt_tokens"] * 150_000 + usage["completion_tokens"] * 600_000
    record = calls["recent"][-1]
    assert (record["billed_picos"], record["billed_micros"]) == (picos, whole_micros(picos))
    assert (record["user"], record["quality"], record["outcome"]) == ("u1", "right", "completed")
    assert calls["by_model"]["sim-small"]["calls"] == calls["by_endpoint"]["chat"]["calls"] == 1
    assert (await simulator.http.delete("/control/calls")).json()["total"]["calls"] == 0


async def test_a_wrong_key_is_401() -> None:
    """With keys configured, calls need one; health and control do not."""
    async with SimulatorClient(api_keys=["right"]) as simulator:
        assert (await simulator.post("hi")).json()["error"]["code"] == "invalid_api_key"
        simulator.http.headers["authorization"] = "Bearer right"
        assert (await simulator.post("hi")).status_code == 200
        del simulator.http.headers["authorization"]
        assert (await simulator.http.get("/healthz")).json() == {"status": "ok"}
        assert (await simulator.http.get("/v1/models")).status_code == 401


async def test_models_are_listed(simulator: SimulatorClient) -> None:
    """All models and the embedding model; an unknown one is 404 model_not_found."""
    listed = (await simulator.http.get("/v1/models")).json()["data"]
    assert {row["id"] for row in listed} == {*MODELS, "sim-embed"}
    assert (await simulator.http.get("/v1/models/sim-mid")).json()["id"] == "sim-mid"
    for response in (await simulator.http.get("/v1/models/gpt"), await simulator.post("hi", "gpt")):
        assert response.status_code == 404 and response.json()["error"]["code"] == "model_not_found"


GOOD: dict[str, Any] = {"model": "sim-small", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\xfa",
        b"[]",
        b'{"model": NaN}',
        b"[" * 100_000,
        {"messages": GOOD["messages"]},
        GOOD | {"model": 7},
        GOOD | {"messages": []},
        GOOD | {"messages": "hi"},
        GOOD | {"messages": [{"role": "king", "content": "hi"}]},
        GOOD | {"messages": [{"role": "user"}]},
        GOOD | {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        GOOD | {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
        GOOD | {"stream": "yes"},
        GOOD | {"stream_options": {"include_usage": True}},
        GOOD | {"max_tokens": 0},
        GOOD | {"max_tokens": True},
        GOOD | {"max_tokens": 4_097},
        GOOD | {"n": 1.5},
        GOOD | {"temperature": 3},
        GOOD | {"stop": list("abcde")},
        GOOD | {"tools": [{}]},
        GOOD | {"tools": [TOOL], "tool_choice": {"function": {"name": "other"}}},
        GOOD | {"response_format": {"type": "xml"}},
        GOOD | {"response_format": {"type": "json_schema"}},
        GOOD | {"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "#/nowhere"}}}},
        GOOD | {"reasoning_effort": "enormous"},
    ],
)
async def test_bad_input_is_a_400_in_openai_shape(simulator: SimulatorClient, body: object) -> None:
    """Never a 500, whatever is sent, and the message says what is wrong."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await simulator.http.post("/v1/chat/completions", content=content)
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


async def test_text_that_utf_8_cannot_hold_does_no_harm(simulator: SimulatorClient) -> None:
    """Lone surrogates are legal in JSON: they may come in any field, and go out in errors and books."""
    lone = "\ud800"
    assert (await simulator.post(lone, lone)).status_code == 404
    assert lone in (await simulator.ask(lone, user=lone))["choices"][0]["message"]["content"]
    assert (await simulator.calls())["recent"][-1]["user"] == lone


async def test_a_long_conversation_is_counted_whole(simulator: SimulatorClient) -> None:
    """Ten thousand messages of one token each: role, text and 3 per message, and 3 to prime."""
    messages = [{"role": "user", "content": "tea"}] * 10_000
    body = await simulator.ask("", "sim-mid", messages=messages)
    assert body["usage"]["prompt_tokens"] == 10_000 * (1 + 1 + 3) + 3


async def test_unknown_paths_and_methods_are_openai_shaped_errors(simulator: SimulatorClient) -> None:
    """404 and 405 have the same body as other errors."""
    assert "error" in (await simulator.http.get("/v1/nothing")).json()
    wrong_method = await simulator.http.get("/v1/chat/completions")
    assert wrong_method.status_code == 405 and "error" in wrong_method.json()
