"""How long a classification takes, what loading the models costs, and how much memory they hold.

Run: `python -m bench.classify [--json] [--rounds 400]`. One thread, warm; wall-clock in ms, p50 and p99. Prompts are
random words of everyday length, so that no figure leans on one text. Load time and memory are those of a fresh
process: memory is its resident set less that of Python with numpy alone.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from classifier.artifact import SHIPPED, Model
from classifier.embedding import Embedder
from plugins.config import DispatchRow, RoutingConfig
from plugins.routing.cascade import Cascade
from plugins.routing.scored import Thresholds
from plugins.values import Call, Caller, Endpoint, Message

LENGTHS: Final = (16, 32, 64, 128, 256, 512)  # words, of which one makes about 1.3 tokens
WORDS: Final = (
    "please the a of to and in how what explain list compare table cost energy river contract python function error "
    "proof number between against summary letter customer doctor history engine market water light during without"
)
LOADING: Final = """
import json, sys, time
import numpy
def resident():
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in open("/proc/self/status") if "kB" in line}
before, start = resident(), time.perf_counter()
from classifier.artifact import Model
from classifier.embedding import Embedder
imported, peak = time.perf_counter(), resident()
embedder, model = Embedder(), Model.load()
model.predict("warm", embedder.embed("warm"))
ready, after = time.perf_counter(), resident()
print(json.dumps({
    "import_s": imported - start, "load_s": ready - imported,
    "memory_mb": after["VmRSS"] - before["VmRSS"], "peak_mb": after["VmHWM"] - before["VmRSS"],
}))
"""

Json = dict[str, Any]


def prompts(words: int, count: int) -> list[str]:
    """Different texts of one length, the same each time."""
    dice = random.Random(words)
    return [" ".join(dice.choices(WORDS.split(), k=words)) + "?" for _ in range(count)]


def call_of(text: str) -> Call:
    return Call("bench", Endpoint.CHAT, Caller("bench", "bench", ""), "auto", (Message("user", text),))


def timed(run: Callable[[str], object], texts: list[str]) -> Json:
    """Milliseconds per text; the first tenth warms up."""
    taken = []
    for text in texts:
        start = time.perf_counter()
        run(text)
        taken.append((time.perf_counter() - start) * 1000)
    kept = taken[len(taken) // 10 :]
    return {"p50_ms": round(float(np.median(kept)), 3), "p99_ms": round(float(np.quantile(kept, 0.99)), 3)}


def loading() -> Json:
    """Medians of three fresh processes."""
    found = [json.loads(subprocess.check_output([sys.executable, "-c", LOADING])) for _ in range(3)]
    return {name: round(float(np.median([one[name] for one in found])), 2) for name in found[0]}


def measure(rounds: int) -> Json:
    """All figures."""
    loaded = loading()
    embedder, model = Embedder(), Model.load()
    cascade = Cascade(RoutingConfig(default=DispatchRow()), model, Thresholds(model.easy_below, model.hard_from))
    by_length: Json = {}
    for words in LENGTHS:
        texts = prompts(words, rounds)
        by_length[str(words)] = {
            "rules_and_lexical": timed(lambda text: cascade.classify(call_of(text), None), texts),
            "embedding": timed(embedder.embed, texts),
            "embedding_and_both_views": timed(
                lambda text: cascade.classify(call_of(text), embedder.embed(text)), texts
            ),
        }
    sizes = {path.name: path.stat().st_size for path in sorted(Path(SHIPPED).iterdir()) if path.is_file()}
    return {"loading": loaded, "by_words": by_length, "file_bytes": sizes}


def main(
    rounds: Annotated[int, typer.Option(help="Texts of each length.")] = 400,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the figures."""
    found = measure(rounds)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print("  ".join(f"{name} {value}" for name, value in found["loading"].items()))
    for words, parts in found["by_words"].items():
        line = "  ".join(f"{name} {v['p50_ms']:.2f}/{v['p99_ms']:.2f}" for name, v in parts.items())
        print(f"{words:>4} words, p50/p99 ms: {line}")
    print("  ".join(f"{name} {size / 1e6:.1f} MB" for name, size in found["file_bytes"].items()))


if __name__ == "__main__":
    typer.run(main)
