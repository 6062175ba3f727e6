"""The shape of the code: sizes, and which room may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(p for top in ("plugins", "classifier", "bench") for p in (ROOT / top).rglob("*.py"))
MAX_MODULE_LINES = 320
MAX_FUNCTION_LINES = 45
# Only these may import what talks to the world.
WORLD = ("litellm", "redis", "redisvl", "langfuse", "httpx", "opentelemetry", "onnxruntime")
DOORS = (
    "plugins/gateway.py",
    "plugins/server.py",
    "plugins/adapters/",
    "plugins/trial/",
    "plugins/launcher.py",
)
DOORS_OF_CLASSIFIER = ("classifier/embedding_session.py",)
# From the ground up; a module may import its own row and those above it in this list.
ROWS = (
    ("values/__init__", "errors"),
    ("config",),
    ("pipeline",),
    ("runtime",),
    ("wiring",),
    ("gateway", "edge", "server"),
)


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_a_module_fits_in_a_head(path: Path) -> None:
    """Modules and functions stay short enough to be read whole."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_MODULE_LINES, "split this module by job"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_only_the_doors_talk_to_the_world(path: Path) -> None:
    """What decides imports no client library; what imports one is an adapter."""
    name = _relative(path)
    if name.startswith((*DOORS, *DOORS_OF_CLASSIFIER, "bench/")):
        return
    lazily = {"classifier/baselines.py"}  # asks LiteLLM's own heuristics, as a peer to measure
    for module, line in _imports(path):
        top = module.partition(".")[0]
        assert top not in WORLD or name in lazily, f"{name}:{line} imports {module}"


@pytest.mark.parametrize("path", [p for p in MODULES if "classifier" in p.parts], ids=_relative)
def test_the_classifier_knows_nothing_of_the_gateway(path: Path) -> None:
    """The classifier can be trained and used without the proxy."""
    assert not [m for m, _ in _imports(path) if m.partition(".")[0] == "plugins"]


def test_the_arrows_point_one_way() -> None:
    """values <- config <- pipeline <- wiring <- gateway: nothing imports what is built on it."""
    for place, row in enumerate(ROWS):
        above = {f"plugins.{name}" for later in ROWS[place + 1 :] for name in later}
        for name in row:
            found = {m for m, _ in _imports(ROOT / "plugins" / f"{name}.py")} & above
            assert not found, f"{name} imports {found}"


def test_pure_modules_import_no_adapter() -> None:
    """A module beside the adapters that decides something can be tested without any of them."""
    outside = {"wiring", "runtime", "gateway", "server", "edge", "launcher", "cli", "dry_run"}
    for path in (ROOT / "plugins").glob("*.py"):
        if path.stem in outside or path.stem.endswith("_cli"):
            continue
        assert not [m for m, _ in _imports(path) if m.startswith("plugins.adapters")], path.name
