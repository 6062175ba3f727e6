"""The ASGI application that the server process runs: LiteLLM's own, unmodified, behind our edge."""

from __future__ import annotations

import logging
import multiprocessing
import os

# Before the import. No price map over the network; and Python's own threshold of 700 is reached within a request.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("PYTHON_GC_THRESHOLD", "10000,10,10")

from litellm.proxy import proxy_server

from plugins.adapters.litellm_chat import chat_app
from plugins.adapters.litellm_dress import dressed
from plugins.adapters.litellm_io import quiet_refusals
from plugins.adapters.log_guard import LITELLM, guard
from plugins.edge import Edge
from plugins.fast_lane import send_hit
from plugins.trial.lifeline import die_with_parent

if (supervisor := multiprocessing.parent_process()) is not None and supervisor.pid is not None:
    die_with_parent(
        supervisor.pid
    )  # one worker of several: without its supervisor, killed with -9, nobody would ever end it

guard()
for name in LITELLM:
    # First, because LiteLLM's own filter turns the exception among the arguments into text.
    logging.getLogger(name).filters.insert(0, quiet_refusals)

app = Edge(proxy_server.app, dressed(send_hit), dressed(chat_app(proxy_server)))
