"""A calibration in words: what is certified, on how many pairs, how surely, and what is not."""

from __future__ import annotations

from typing import Any

from classifier.labels import TASKS

ALL_TASKS = "default"


def sentences(report: dict[str, Any]) -> list[str]:
    """One sentence for each thing to know of a report of `calibrate.calibrate_pairs`."""
    found: dict[str, dict[str, Any]] = report["thresholds"]
    certified = {task: told for task, told in found.items() if told["threshold"] is not None}
    told = [_opening(report)]
    told += [_certified(report, task, of_task) for task, of_task in certified.items()]
    told += [_not_certified(report, task, of_task) for task, of_task in found.items() if task not in certified]
    if absent := [task for task in TASKS if task not in found]:
        told.append(f"Not certified by itself, as no pair names it: {', '.join(absent)}.")
    told.append(_shipped(report))
    told.append(
        "This holds for questions that are drawn like these pairs, for each line by itself, and not for other traffic: "
        "what production shows is in `tierwise cache thresholds`."
    )
    return told


def _opening(report: dict[str, Any]) -> str:
    return (
        f"Asked for, with {report['confidence']:.0%} confidence: at most {report['max_error']:.2%} of served "
        f"paraphrases are wrong. Tried on {report['pairs']:,} pairs; "
        f"to show it takes {report['needed']:,} served, none wrong."
    )


def _certified(report: dict[str, Any], task: str, told: dict[str, Any]) -> str:
    return (
        f"Certified for {_name(task)}: from threshold {told['threshold']:.3f} on at most {told['error_bound']:.2%} of "
        f"served paraphrases are wrong ({report['confidence']:.0%} confidence), as {_counted(told)}."
    )


def _not_certified(report: dict[str, Any], task: str, told: dict[str, Any]) -> str:
    if told["served"] < report["needed"]:
        reason = f"too few: {_counted(told)}, below {report['needed']:,}"
    else:
        reason = f"too many wrong: {_counted(told)}, so up to {told['error_bound']:.2%} may be"
    return f"Not certified for {_name(task)}: {reason}."


def _shipped(report: dict[str, Any]) -> str:
    told = report["shipped"]
    return (
        f"At the shipped threshold {told['threshold']:.3f}: {_counted(told)}, so at most {told['error_bound']:.2%} of "
        f"served paraphrases like these are wrong ({report['confidence']:.0%} confidence)."
    )


def _counted(told: dict[str, Any]) -> str:
    were = "was" if told["wrong"] == 1 else "were"
    return (
        f"{told['served']:,} of {told['pairs']:,} pairs were served and {told['wrong'] or 'none'} of them {were} wrong"
    )


def _name(task: str) -> str:
    return "all task classes together" if task == ALL_TASKS else f"the task class {task}"
