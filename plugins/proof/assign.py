"""Which arm a request is in: by hash, so that the same tenant, user or conversation always gets the same one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from plugins.config import GatewayConfig
from plugins.proof_config import ExperimentConfig
from plugins.routing.sticky import conversation_id
from plugins.values import Assigned, Call, Endpoint, Stage, Trials

# Where a text can be put in front, and answers are checked.
TAKING_PART: Final = (Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES)


def trial_of(name: str, experiment: ExperimentConfig) -> str:
    """Under which name an experiment's results are kept: another config is another experiment."""
    told = experiment.model_dump(mode="json", exclude={"enabled", "promotion", "alpha"})
    told["control"] = experiment.reference
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
    return f"experiment/{name}/{digest}"


def assign_variant(call: Call, config: GatewayConfig, trials: Trials) -> Assigned:
    """The request's arm in the first experiment that it fits, and the candidates it would get. Requests of an
    experiment take no part in the beginning of a rollout: one change at a time."""
    if call.endpoint not in TAKING_PART:
        return Assigned()
    full = tuple(sorted(r.trial for r in trials.rollouts.values() if r.stage is Stage.FULL))
    for name, experiment in config.experiments.items():
        trial = trial_of(name, experiment)
        arm = _arm(call, name, experiment, trials.promoted.get(trial))
        if arm is not None:
            return Assigned(trial, arm, name, full)
    unit = conversation_id(call)
    begun = [r for r in trials.rollouts.values() if r.stage in (Stage.FIVE, Stage.QUARTER)]
    # The salt has no stage: who has the candidate at 5 % keeps it at 25 %.
    chosen = [r.trial for r in begun if place(f"rollout/{r.task}/{r.serial}", unit) < r.stage.share]
    return Assigned(candidates=tuple(sorted((*full, *chosen))))


def place(salt: str, unit: str) -> float:
    """Where a unit falls in [0, 1): evenly spread, and independent between salts."""
    digest = hashlib.sha256(f"{salt}\0{unit}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / 2.0**56


def _arm(call: Call, name: str, experiment: ExperimentConfig, promoted: str | None) -> str | None:
    tenant = call.caller.tenant
    if not experiment.enabled or call.model not in experiment.models:
        return None
    if experiment.tenants and tenant not in experiment.tenants:
        return None
    if promoted in experiment.variants:
        return promoted
    unit = {
        "tenant": tenant,
        "user": f"{tenant}\0{call.end_user}" if call.end_user else "",
        "request": conversation_id(call),
    }[experiment.by]
    if not unit or place(f"{name}/part", unit) >= experiment.share:
        return None
    return weighted({key: variant.weight for key, variant in experiment.variants.items()}, place(f"{name}/arm", unit))


def weighted(weights: Mapping[str, float], at: float) -> str:
    """The name at this point (0 to 1) of the weights laid end to end."""
    total, passed = sum(weights.values()), 0.0
    for name, weight in weights.items():
        passed += weight / total
        if at < passed:
            return name
    return list(weights)[-1]  # rounding alone leads here
