"""What talks to the world: LiteLLM, Redis, Langfuse, ONNX. Each implements a port or translates at the edge."""

import os

# Before anything here imports litellm: it would otherwise fetch a price map over the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
