"""One real request with model "auto" through the service: the answer must be there, and say which tier gave it."""

import json
import os
import urllib.request

body = {"model": "auto", "messages": [{"role": "user", "content": os.environ["QUESTION"]}], "max_tokens": 64}
request = urllib.request.Request(
    f"{os.environ['BASE_URL']}/chat/completions",
    data=json.dumps(body).encode(),
    headers={"Authorization": f"Bearer {os.environ['API_KEY']}", "Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=120) as reply:
    answer = json.load(reply)["choices"][0]["message"]["content"]
    tier, cost = reply.headers.get("x-tierwise-tier"), reply.headers.get("x-tierwise-cost-usd")
assert answer, "the answer is empty"
assert tier, "no x-tierwise-tier header: this is not the gateway"
print(f"tier {tier}, {cost} dollars: {answer[:200]}")
