"""The training report: one self-contained HTML page. It shows prompts of the training data: keep it with them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifier.evaluate import task_figures
from classifier.labels import TASKS
from classifier.metrics import recovered
from classifier.mixture import Vector
from classifier.train import Trained

SIZE, MARGIN = 300, 40
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1f2328}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #d0d7de;padding:.25rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:.5rem 1rem .5rem 0}
pre{white-space:pre-wrap;background:#f6f8fa;padding:.5rem;margin:.2rem 0}svg text{font:11px system-ui,sans-serif}"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """An HTML table; everything is escaped."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def plot(title: str, x: str, y: str, lines: dict[str, tuple[Vector, Vector]], dots: bool = False) -> str:
    """Lines in the unit square as inline SVG, with the diagonal for comparison."""

    def at(horizontal: float, vertical: float) -> str:
        return f"{MARGIN + horizontal * SIZE:.1f},{MARGIN + (1 - np.clip(vertical, -0.05, 1.05)) * SIZE:.1f}"

    parts = [f'<polyline points="{at(0, 0)} {at(1, 1)}" fill="none" stroke="#d0d7de"/>']
    for number, (name, (across, up)) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [at(float(a), float(b)) for a, b in zip(across, up, strict=True)]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if dots:
            spots = (point.split(",") for point in points)
            parts += [f'<circle cx="{cx}" cy="{cy}" r="3" fill="{colour}"/>' for cx, cy in spots]
        top = MARGIN + 14 + 14 * number
        parts.append(f'<text x="{MARGIN + 8}" y="{top}" fill="{colour}">{html.escape(name)}</text>')
    side = SIZE + 2 * MARGIN
    frame = f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#8c959f"/>'
    labels = (
        f'<text x="{side / 2}" y="{side - 8}" text-anchor="middle">{html.escape(x)} (0 to 1)</text>'
        f'<text x="12" y="{side / 2}" transform="rotate(-90 12 {side / 2})" '
        f'text-anchor="middle">{html.escape(y)}</text>'
    )
    svg = f'<svg width="{side}" height="{side}" role="img">{frame}{"".join(parts)}{labels}</svg>'
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{svg}</figure>"


def _ends(trained: Trained, name: str) -> tuple[Vector, Vector]:
    rows = [trained.rows[i] for i in trained.members[name]]
    strong = np.array([row.strong for row in rows], dtype=np.float64)
    return strong, np.array([row.weak for row in rows], dtype=np.float64)


def _curves(trained: Trained) -> str:
    lines = {}
    for name, fitted in trained.experts.items():
        curve = recovered(fitted.held_out["full"][:, 0], *_ends(trained, name))
        pick = np.linspace(0, len(curve) - 1, 101).astype(int)
        lines[name] = (pick / (len(curve) - 1), curve[pick])
    return plot("Cost and quality, held-out folds", "share of calls to strong", "gap recovered", lines)


def _reliability(trained: Trained, column: int, title: str) -> str:
    lines = {}
    for name, fitted in trained.experts.items():
        stated, seen = fitted.held_out["full"][:, column], _ends(trained, name)[2 - column]
        parts = np.array_split(np.argsort(stated, kind="stable"), 10)
        lines[name] = (
            np.array([stated[part].mean() for part in parts]),
            np.array([seen[part].mean() for part in parts]),
        )
    return plot(title, "stated probability", "seen frequency", lines, dots=True)


def _figures(trained: Trained) -> str:
    rows: list[list[object]] = []
    for name, found in trained.manifest["metrics"].items():
        modes = [mode for mode in ("full", "lexical") if mode in found]
        rows += [[name, mode, found["n"], *(found[mode].get(key, "") for key in FIGURES)] for mode in modes]
    return table(["source", "mode", "rows", *FIGURES], rows)


FIGURES = ("apgr", "cpt50", "cpt80", "auroc", "ece_weak", "ece_strong")


def _tasks(trained: Trained) -> str:
    truth = np.array([TASKS.index(str(trained.rows[i].task)) for i in trained.labelled])
    confusion = np.zeros((len(TASKS), len(TASKS)), dtype=np.int64)
    np.add.at(confusion, (truth, trained.tasks_held_out.argmax(axis=1)), 1)
    found = task_figures(confusion)
    each = [[task, *found["by_task"][task].values()] for task in TASKS]
    crossed = [[task, *confusion[i]] for i, task in enumerate(TASKS)]
    return (
        f"<p>Accuracy {found['accuracy']}, macro F1 {found['macro_f1']}, held-out folds.</p>"
        + table(["task", "rows", "precision", "recall"], each)
        + "<h3>Confusion (rows: truth)</h3>"
        + table(["", *TASKS], crossed)
    )


def _mistakes(trained: Trained, count: int = 10) -> str:
    parts = []
    for name, fitted in trained.experts.items():
        stated = fitted.held_out["full"][:, 1]
        weak = _ends(trained, name)[1]
        parts.append(f"<h3>{html.escape(name)}</h3>")
        for i in np.argsort(-np.abs(stated - weak), kind="stable")[:count]:
            prompt = html.escape(trained.rows[trained.members[name][int(i)]].prompt[:400])
            parts.append(f"<pre>P(weak) {stated[i]:.2f}, seen {weak[i]:.2f}: {prompt}</pre>")
    return "".join(parts)


def write_report(trained: Trained, path: Path) -> None:
    """Write the page to `path`."""
    sections = [
        ("Figures on held-out folds", _figures(trained)),
        (
            "Curves",
            _curves(trained)
            + _reliability(trained, 1, "Reliability: weak is good enough")
            + _reliability(trained, 2, "Reliability: strong is good enough"),
        ),
        ("Task classes", _tasks(trained)),
        ("Most confident mistakes about the weak model", _mistakes(trained)),
    ]
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections)
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Training report</title><style>{STYLE}</style>'
    path.write_text(f"{page}<h1>Training report</h1>{body}</html>\n", encoding="utf-8")
