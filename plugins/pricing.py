"""How much a call can cost at most, and what a baseline would have cost. Integer money, rounded up.

Prices are pico-dollars per token, so tokens x price / 1e6 is micro-dollars without binary fractions.
"""

from __future__ import annotations

from collections.abc import Iterable

from plugins.catalog import Catalog
from plugins.values import Call, Deployment, Endpoint, Extra, Route, Usage

PICO_PER_MICRO = 1_000_000
# A chat template adds a few tokens a message: OpenAI's documented overhead is 3 a message and 3 a reply.
TOKENS_PER_MESSAGE = 8
# What providers put in front of a conversation of their own: under 100 tokens; with tools or a schema, which some turn
# into a tool, up to 735 (Anthropic's table for tool use).
TOKENS_PER_REQUEST = 100
TOKENS_FOR_TOOLS = 800
# Bytes a token of running text in GPT-style vocabularies: about four in English, fewer elsewhere.
TYPICAL_BYTES_PER_TOKEN = 3
# What JSON puts around a message of a conversation ({"role":"user","content":""},), and the tokens that a model sees in
# its place: many short messages would otherwise look like twice of what they are, and be refused though they fit.
TYPICAL_FRAME_BYTES = 30
TYPICAL_FRAME_TOKENS = 4
TYPICAL_OUTPUT_TOKENS = 500
TYPICAL_TOKENS_PER_IMAGE = 3_000


def most_input_tokens(call: Call, deployment: Deployment) -> int:
    """An upper bound that holds for every byte-level tokenizer: a token covers at least one byte. What is not in the
    request is bounded by the context window only."""
    if Extra.REFERENCED in call.extras:
        return deployment.max_input_tokens
    counted = call.input_bytes + TOKENS_PER_MESSAGE * (len(call.messages) + 1) + deployment.image_tokens * call.images
    counted += TOKENS_PER_REQUEST + (TOKENS_FOR_TOOLS if call.has_tools or call.wants_schema else 0)
    return min(counted, deployment.max_input_tokens)


def typical_tokens(call: Call) -> int:
    """An estimate of the input's tokens, for fitting context windows and for `typical` admission."""
    fixed = TYPICAL_FRAME_TOKENS * (len(call.messages) + 1) + TYPICAL_TOKENS_PER_IMAGE * call.images
    framed = 0 if call.endpoint in (Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS) else len(call.messages)
    spoken = max(0, call.input_bytes - TYPICAL_FRAME_BYTES * framed)
    return spoken // TYPICAL_BYTES_PER_TOKEN + fixed


def cost_micros(deployment: Deployment, usage: Usage) -> int:
    """List price of a usage at one deployment, rounded up."""
    pico = usage.input_tokens * deployment.input_pico + usage.output_tokens * deployment.output_pico
    return -(-pico // PICO_PER_MICRO)


def bound(call: Call, deployments: Iterable[Deployment]) -> tuple[int, int]:
    """(micro-dollars, tokens) that one attempt can cost at most at the dearest of these deployments."""
    most_micros = most_tokens = 0
    for deployment in deployments:
        tokens_in = most_input_tokens(call, deployment)
        asked = deployment.max_output_tokens if call.max_output_tokens is None else call.max_output_tokens
        tokens_out = min(asked, deployment.max_output_tokens) * call.choices
        input_pico, output_pico = dearest(deployment, call, tokens_in)
        pico = deployment.request_pico + tokens_in * input_pico + tokens_out * output_pico
        most_micros = max(most_micros, -(-pico // PICO_PER_MICRO))
        most_tokens = max(most_tokens, tokens_in + tokens_out)
    return most_micros, most_tokens


def dearest(deployment: Deployment, call: Call, tokens_in: int) -> tuple[int, int]:
    """The highest price (input, output) that a token of this call may have: of a prompt written to the provider's
    cache, of a long context, of reasoning, of sound, of the service that was asked for."""
    possible = [r for r in deployment.rates if tokens_in > r.above_tokens and (r.only is None or r.only in call.extras)]
    input_pico = max([deployment.input_pico, *(r.pico for r in possible if not r.is_output)])
    return input_pico, max([deployment.output_pico, *(r.pico for r in possible if r.is_output)])


def upper_bound(call: Call, route: Route, catalog: Catalog) -> tuple[int, int]:
    """The most a routed call can cost: one attempt at the dearest group it may fall back to."""
    groups = (route.group, *route.fallbacks)
    return bound(call, (d for group in groups for d in catalog.groups.get(group, ())))


def typical_cost(call: Call, route: Route, catalog: Catalog) -> tuple[int, int]:
    """An estimate of one attempt, for `budgets.admit: typical` and for dry runs."""
    tokens_out = min(call.max_output_tokens or TYPICAL_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS) * call.choices
    usage = Usage(typical_tokens(call), tokens_out)
    costs = [cost_micros(d, usage) for d in catalog.groups.get(route.group, ())]
    return max(costs, default=0), usage.total_tokens


def baseline_cost(usage: Usage, group: str, catalog: Catalog) -> int:
    """What the same usage would have cost at the baseline tier's first deployment; 0 where there is none."""
    deployments = catalog.groups.get(group, ())
    return cost_micros(deployments[0], usage) if deployments else 0
