"""The endpoints of the simulated provider, as an ASGI app.

    GET  /healthz                        no key needed
    GET  /v1/models, /v1/models/{name}
    POST /v1/chat/completions, /v1/responses, /v1/completions, /v1/embeddings
    PUT, GET, DELETE /control/faults     the script of faults (faults.py)
    GET, DELETE /control/calls           the provider's books (calls.py); ?recent=N records, default 50

The control plane needs no key: the server listens on the loopback interface alone.
"""

import asyncio
import hmac
import json
import uuid
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plugins.trial.simulator import tokens
from plugins.trial.simulator.calls import CallBook, CallRecord
from plugins.trial.simulator.completion import Completion, answer_tokens, complete
from plugins.trial.simulator.embeddings import EmbeddingRequest, embeddings_json, parse_embeddings
from plugins.trial.simulator.errors import ApiError
from plugins.trial.simulator.faults import WRONG_MODEL_NAME, Fault, FaultScript, Rule, read_rules
from plugins.trial.simulator.fields import read_json, read_object
from plugins.trial.simulator.models import EMBEDDING_MICROS_PER_MILLION, EMBEDDING_MODEL, MODELS
from plugins.trial.simulator.parsing import ChatRequest, parse_chat, parse_responses
from plugins.trial.simulator.responses_wire import response_frames, response_json
from plugins.trial.simulator.sending import Pace, PacedBody, PacedStream, Sent
from plugins.trial.simulator.text_completions import completion_frames, completion_json, parse_completions
from plugins.trial.simulator.wire import DONE, chat_frames, chat_json

_BIG_BODY_BYTES = 100_000  # from here on tokens are counted in a thread, so that other calls go on
_T = TypeVar("_T")
_CREATED = 1_767_225_600  # 2026-01-01, shown by /v1/models
_FORMS = {
    "chat": (chat_json, chat_frames, DONE),
    "responses": (response_json, response_frames, b""),
    "completions": (completion_json, completion_frames, DONE),
}


def create_app(speed: float = 1.0, api_keys: Collection[str] = ()) -> Starlette:
    """The simulated provider.

    `speed` multiplies every latency of `MODELS`: 1 as in the table, 0 none (waits of faults are not scaled).
    With `api_keys` a call needs `Authorization: Bearer` with one of them.
    """
    provider = _Provider(speed, api_keys)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", provider.chat, methods=["POST"]),
            Route("/v1/responses", provider.responses, methods=["POST"]),
            Route("/v1/completions", provider.completions, methods=["POST"]),
            Route("/v1/embeddings", provider.embeddings, methods=["POST"]),
            Route("/v1/models", provider.models, methods=["GET"]),
            Route("/v1/models/{name}", provider.model, methods=["GET"]),
            Route("/healthz", provider.health, methods=["GET"]),
            Route("/control/faults", provider.faults, methods=["GET", "PUT", "DELETE"]),
            Route("/control/calls", provider.calls, methods=["GET", "DELETE"]),
        ],
        exception_handlers={ApiError: _show_error, HTTPException: _show_http_error},
    )


class _Json(JSONResponse):
    """JSON in ASCII: what a caller sent may hold lone surrogates, which UTF-8 cannot."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class _Provider:
    def __init__(self, speed: float, api_keys: Collection[str]) -> None:
        self._speed = speed
        self._keys = [key.encode() for key in api_keys]
        self._script = FaultScript()
        self._book = CallBook()
        self._prefixes = tokens.PrefixCache()

    async def health(self, request: Request) -> Response:
        return _Json({"status": "ok"})

    async def models(self, request: Request) -> Response:
        self._check_key(request)
        return _Json({"object": "list", "data": [_model_row(name) for name in (*MODELS, EMBEDDING_MODEL)]})

    async def model(self, request: Request) -> Response:
        self._check_key(request)
        name = request.path_params["name"]
        if name not in (*MODELS, EMBEDDING_MODEL):
            raise _no_model(name)
        return _Json(_model_row(name))

    async def faults(self, request: Request) -> Response:
        if request.method == "PUT":
            self._script.replace(read_rules(read_json(await request.body())))
        elif request.method == "DELETE":
            self._script.replace([])
        return _Json(self._script.as_json())

    async def calls(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._book.clear()
        recent = request.query_params.get("recent", "50")
        if not recent.isdecimal() or len(recent) > 6:
            raise ApiError(400, "Invalid value for 'recent': expected a number.", param="recent")
        return _Json(self._book.as_json(int(recent)))

    async def chat(self, request: Request) -> Response:
        return await self._converse(request, parse_chat)

    async def responses(self, request: Request) -> Response:
        return await self._converse(request, parse_responses)

    async def completions(self, request: Request) -> Response:
        return await self._converse(request, parse_completions)

    async def embeddings(self, request: Request) -> Response:
        self._check_key(request)
        raw = await _body(request)
        asked = await _off_loop_if_big(raw, lambda: parse_embeddings(read_object(raw)))
        if asked.model != EMBEDDING_MODEL:
            raise _no_model(asked.model)
        record = self._book.open(CallRecord(asked.model, "embeddings", False, asked.prompt_hash, asked.user, len(raw)))
        rule = self._picked(record)
        fault = rule.fault if rule else None
        shown = WRONG_MODEL_NAME if fault is Fault.WRONG_MODEL else asked.model
        body = embeddings_json(asked, shown, show_usage=fault is not Fault.NO_USAGE)
        settle = partial(self._settle_embeddings, record, asked)
        return PacedBody(json.dumps(body).encode(), self._pace(rule), _headers(), settle)

    async def _converse(self, request: Request, parse: Callable[[dict[str, object]], ChatRequest]) -> Response:
        self._check_key(request)
        raw = await _body(request)
        asked = await _off_loop_if_big(raw, lambda: parse(read_object(raw)))
        if asked.model not in MODELS:
            raise _no_model(asked.model)
        if MODELS[asked.model].completes != (asked.endpoint == "completions"):
            raise ApiError(404, f"{asked.model} is not for the {asked.endpoint} endpoint.", param="model")
        record = self._book.open(
            CallRecord(asked.model, asked.endpoint, asked.stream, asked.prompt_hash, asked.user, len(raw))
        )
        rule = self._picked(record)
        fault = rule.fault if rule else None
        try:
            done = await _off_loop_if_big(raw, lambda: complete(asked, MODELS[asked.model], fault, self._prefixes))
        except ApiError as error:
            self._close_failed(record, error)
            raise
        record.quality = done.answers[0].quality
        pace = self._model_pace(done, self._pace(rule))
        settle = partial(self._settle, record, done)
        as_json, as_frames, closing = _FORMS[asked.endpoint]
        if asked.stream:
            return PacedStream(as_frames(done), closing, pace, _headers(), settle)
        return PacedBody(json.dumps(as_json(done)).encode(), pace, _headers(), settle)

    def _picked(self, record: CallRecord) -> Rule | None:
        """The fault rule for this call; raises its error when it is an error answer."""
        rule = self._script.pick(record.model, record.endpoint)
        if rule is not None:
            record.fault = rule.fault.value
            if (error := rule.error()) is not None:
                self._close_failed(record, error)
                raise error
        return rule

    def _close_failed(self, record: CallRecord, error: ApiError) -> None:
        record.status = error.status
        self._book.close(record, "error")

    def _model_pace(self, done: Completion, pace: Pace) -> Pace:
        if self._speed == 0:
            return pace
        jitter = 0.8 + 0.4 * int(done.request.prompt_hash[:4], 16) / 0xFFFF  # the same prompt takes as long again
        scale, model, usage = self._speed * jitter, done.sim, done.usage
        thinking_s = usage.reasoning_tokens / model.tokens_per_s
        spoken_s = (usage.completion_tokens - usage.reasoning_tokens) / model.tokens_per_s
        first_s = scale * (model.first_token_ms / 1000 + thinking_s)
        return replace(pace, first_s=pace.first_s + first_s, rest_s=scale * spoken_s)

    def _pace(self, rule: Rule | None) -> Pace:
        match rule.fault if rule else None:
            case Fault.HANG:
                return Pace(hang_s=rule.wait_s if rule else 0.0)
            case Fault.HOLD:
                return Pace(hang_s=rule.wait_s if rule else 0.0, free=self._script.replaced)
            case Fault.SLOW:
                return Pace(first_s=rule.wait_s if rule else 0.0)
            case Fault.STALL:
                return Pace(stall_s=rule.wait_s if rule else 0.0)
            case Fault.HALF_STREAM:
                return Pace(half=True)
        return Pace()

    def _settle(self, record: CallRecord, done: Completion, sent: Sent) -> None:
        """Bill a call: whole when it was completed or plain, else what was sent; nothing if never begun."""
        usage, record.bytes_out = done.usage, sent.size
        if sent.started:
            record.prompt_tokens, record.cached_tokens = usage.prompt_tokens, usage.cached_tokens
            record.reasoning_tokens, record.completion_tokens = (
                usage.reasoning_tokens,
                usage.completion_tokens,
            )
            if record.stream and sent.outcome != "completed":
                spoken = sum(
                    answer_tokens(done.answers[choice], text)
                    for choice, words in sent.texts.items()
                    if (text := "".join(words))
                )
                record.completion_tokens = min(usage.completion_tokens, usage.reasoning_tokens + spoken)
            record.billed_picos = done.sim.bill_picos(
                record.prompt_tokens, record.cached_tokens, record.completion_tokens
            )
        self._book.close(record, sent.outcome)

    def _settle_embeddings(self, record: CallRecord, asked: EmbeddingRequest, sent: Sent) -> None:
        record.bytes_out = sent.size
        if sent.started:
            record.prompt_tokens = asked.prompt_tokens
            record.billed_picos = asked.prompt_tokens * EMBEDDING_MICROS_PER_MILLION
        self._book.close(record, sent.outcome)

    def _check_key(self, request: Request) -> None:
        if not self._keys:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        known = [hmac.compare_digest(given.encode(), key) for key in self._keys]
        if scheme.lower() != "bearer" or not any(known):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise ApiError(400, "The request ended before its body was complete.") from error


async def _off_loop_if_big(raw: bytes, work: Callable[[], _T]) -> _T:
    return await asyncio.to_thread(work) if len(raw) > _BIG_BODY_BYTES else work()


def _model_row(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "simulator"}


def _no_model(name: str) -> ApiError:
    message = f"The model '{name[:100]}' does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found", param="model")


def _headers() -> dict[str, str]:
    return {"x-request-id": f"req_{uuid.uuid4().hex}"}


async def _show_error(request: Request, error: Exception) -> Response:
    known = cast(ApiError, error)  # what Starlette's table of handlers says
    return _Json(known.body(), known.status, headers={**_headers(), **known.headers})


async def _show_http_error(request: Request, error: Exception) -> Response:
    known = cast(HTTPException, error)
    wrapped = ApiError(known.status_code, f"{known.detail}: {request.method} {request.url.path}")
    return _Json(wrapped.body(), known.status_code, headers=known.headers)
