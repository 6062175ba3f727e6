"""Facts about LiteLLM 1.106.2 that the gateway leans on: an upgrade that changes one breaks its test here."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import litellm
import pytest
from litellm.caching.caching import Cache
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.llms.openai.common_utils import BaseOpenAILLM
from litellm.proxy._types import ProxyException
from litellm.proxy.common_request_processing import ProxyBaseLLMRequestProcessing, resolve_litellm_call_id
from litellm.proxy.types_utils.utils import get_instance_fn
from litellm.types.llms.openai import ValidUserMessageContentTypes
from litellm.types.utils import all_litellm_params

from plugins.adapters.cache_seam import CacheSeam
from plugins.adapters.price_data import catalog_of
from plugins.fields import ALLOWED, OURS, USER_PARTS
from plugins.flight import Flights
from plugins.gateway import Gateway

HOOKS = [name for name in vars(Gateway) if name.startswith("async_")]


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_have_the_parameter_names_that_litellm_passes(name: str) -> None:
    """LiteLLM calls hooks by keyword and finds them on the leaf class only; newer, optional ones may be left out."""
    theirs = inspect.signature(getattr(CustomLogger, name)).parameters
    ours = list(inspect.signature(getattr(Gateway, name)).parameters)
    assert ours == list(theirs)[: len(ours)]
    assert all(p.default is not p.empty for p in list(theirs.values())[len(ours) :])


def test_the_call_id_header_becomes_the_call_id() -> None:
    """The id that the edge sends is the id that every hook sees."""
    assert resolve_litellm_call_id("0123456789abcdef0123456789abcdef") == "0123456789abcdef0123456789abcdef"


def test_an_error_body_of_the_proxy_carries_the_status_as_its_code() -> None:
    """Why the edge writes error bodies itself: `code` would be "429" instead of insufficient_quota."""
    error = ProxyException("m", "insufficient_quota", None, 429, openai_code="insufficient_quota")
    assert error.to_dict()["code"] == "429"


def test_a_backend_of_ours_becomes_the_response_cache() -> None:
    """The seam through which hits are replayed."""
    seam = CacheSeam(Flights())
    assert Cache(_backend=seam).cache is seam


def test_prices_read_from_the_data_file_are_litellms_own() -> None:
    """The file that is read without importing LiteLLM is the map that LiteLLM prices with."""
    entry = {"model_name": "x", "litellm_params": {"model": "openai/gpt-4.1-mini"}}
    deployment = catalog_of([entry]).groups["x"][0]
    known = litellm.get_model_info("openai/gpt-4.1-mini")
    assert deployment.input_pico == round(known["input_cost_per_token"] * 1e12)
    assert deployment.max_input_tokens == known["max_input_tokens"]


def test_the_callback_is_loaded_from_the_installed_package_when_no_file_lies_beside_the_config() -> None:
    """The rendered config lies in a folder without `plugins/`, so one module object serves all entries."""
    from plugins import gateway

    assert get_instance_fn("plugins.gateway.gateway", "/nowhere/proxy_config.yaml") is gateway.gateway


def test_no_field_that_may_be_sent_is_a_switch_of_the_proxy() -> None:
    """LiteLLM takes prices, addresses, credentials and log destinations from a body; none of them is let through."""
    switches = set(all_litellm_params) - OURS  # which the edge keeps for itself
    assert len(switches) > 300
    assert not [name for allowed in ALLOWED.values() for name in allowed & switches]


def test_a_client_is_kept_for_each_timeout() -> None:
    """Why time-outs are cut in whole seconds: with one of its own each request would leave a client behind."""
    keys = {BaseOpenAILLM.get_openai_client_cache_key({"timeout": t, "api_key": "k"}, "openai") for t in (1.0, 2.0)}
    assert len(keys) == 2


async def test_the_log_of_an_answer_can_be_put_off_until_after_the_hook_that_sees_it() -> None:
    """LiteLLM's proxy does so for guardrails; the fast lane, so that no answer waits for a record that nobody reads."""
    messages = [{"role": "user", "content": "Hi"}]
    log = Logging("gpt-4.1-mini", messages, False, "acompletion", datetime.now(UTC), "an-id", "a-function")
    log.defer_async_logging = True
    await litellm.acompletion("openai/gpt-4.1-mini", messages, mock_response="Hello", litellm_logging_obj=log)
    assert log.enqueue_deferred_logging is not None
    assert not log._async_success_enqueued
    ProxyBaseLLMRequestProcessing._flush_deferred_async_logging(log, exception_raised=False)
    assert log._async_success_enqueued


# What LiteLLM's application puts around its endpoints: what the fast lane does too, and what has no say in its requests
# (browsers, size and admission limits of other settings, a database, a licence, its own pages and metrics).
DRESS = {"SecurityHeadersMiddleware", "GZipBufferedResponseMiddleware", "RedisRequestBatchMiddleware"}
NO_SAY = {"CORSMiddleware", "RequestSizeLimitMiddleware", "AdmissionControlMiddleware", "PrometheusAuthMiddleware"}
NO_SAY |= {"BillableRequestMetricsMiddleware", "BudgetReservationReleaseMiddleware", "InFlightRequestsMiddleware"}
NO_SAY |= {"LazyFeatureMiddleware"}
FACTS = """
import inspect, json
from litellm.proxy import proxy_server as proxy
route = next(r for r in proxy.router.routes if getattr(r, "path", "") == "/v1/chat/completions")
print(json.dumps({
    "parameters": list(inspect.signature(proxy.chat_completion).parameters),
    "handled": sorted(kind.__name__ for kind, how in proxy.app.exception_handlers.items() if how in (
        proxy.openai_exception_handler, proxy.otlp_http_exception_handler)),
    "around": sorted(one.cls.__name__ for one in proxy.app.user_middleware),
    "before": [one.dependency.__name__ for one in route.dependencies],
}))
"""


def test_the_endpoint_of_chat_completions_can_be_called_by_itself() -> None:
    """It takes the request, a response for its headers, no model of a path, and who asks. Before it there is the key
    check alone; around it nothing that has a say in what the fast lane takes; its handlers take what it raises.
    In a process of its own: the import of LiteLLM's proxy warns of what is deprecated."""
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ran = subprocess.run([sys.executable, "-c", FACTS], capture_output=True, text=True, check=True, env=environ)
    facts = json.loads(ran.stdout.splitlines()[-1])
    assert facts["parameters"] == ["request", "fastapi_response", "model", "user_api_key_dict"]
    assert facts["handled"] == ["HTTPException", "ProxyException"]
    assert set(facts["around"]) == DRESS | NO_SAY
    assert facts["before"] == ["user_api_key_auth"]


def test_the_parts_of_a_users_message_are_those_that_litellm_takes() -> None:
    """It fails on any other, and does so once for each deployment that is asked."""
    assert set(ValidUserMessageContentTypes) == USER_PARTS
