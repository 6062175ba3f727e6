"""A simulated OpenAI-compatible provider: real HTTP, real token counts and bills, no real model.

For trials without a provider key, and for tests and benchmarks that need a provider which fails on request.
    app.py       endpoints, authentication          __main__.py  `python -m plugins.trial.simulator`
    parsing.py   request body -> ChatRequest        models.py    prices, latency, windows, skill
    answers.py   what a model says and how well     questions.py what it can know
    schema.py    values that follow a JSON schema   wire.py      OpenAI's response shapes
    responses_wire.py  the same for /v1/responses   sending.py   bodies, streams, vanished clients
    text_completions.py  all of /v1/completions     calls.py     what was asked and billed
    faults.py    scripted faults
"""

from plugins.trial.simulator.app import create_app
from plugins.trial.simulator.models import MODELS, SimModel
from plugins.trial.simulator.questions import expected_answer, is_right

__all__ = ["MODELS", "SimModel", "create_app", "expected_answer", "is_right"]
