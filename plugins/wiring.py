"""build(): config -> adapters -> pipeline; and the one runtime of the process."""

from __future__ import annotations

import logging
import os
from functools import cache, partial
from pathlib import Path

from classifier.embedding import Embedder
from classifier.pairs.verify import PairVerifier
from plugins.adapters import cache_seam
from plugins.adapters.alerts import Alerts
from plugins.adapters.budget_metrics import BudgetMetrics
from plugins.adapters.cache_checks import CacheChecks
from plugins.adapters.cache_evidence import CacheEvidence
from plugins.adapters.embedder import AsyncEmbedder
from plugins.adapters.fan_out import FanOut
from plugins.adapters.learning_house import LearningHouse
from plugins.adapters.price_data import catalog_of
from plugins.adapters.redis_address import check_url
from plugins.adapters.redis_cache import RedisCache
from plugins.adapters.redis_conversations import RedisConversations
from plugins.adapters.redis_ledger import RedisLedger
from plugins.adapters.small_judge import SmallJudge, SmallModel
from plugins.adapters.telemetry import build_telemetry
from plugins.adapters.trials_house import TrialsHouse
from plugins.adapters.upstream import Upstream
from plugins.answer_judge import AnswerJudge
from plugins.budget import Alert
from plugins.budget_path import BudgetPath
from plugins.cache_path import CachePath
from plugins.config_file import Loaded, Watched, load_config
from plugins.errors import StartError
from plugins.escalation_path import EscalationPath
from plugins.fast_lane import obstacle
from plugins.flight import Flights
from plugins.pipeline import Pipeline
from plugins.proof.candidates import unreachable
from plugins.proof.shadow import ShadowPath
from plugins.routing.cascade import Cascade
from plugins.runtime import Runtime
from plugins.screening import Screening
from plugins.shipped import load_classifier
from plugins.tenancy import Keyring

log = logging.getLogger("tierwise")


def build(loaded: Loaded) -> Runtime:
    """Raises ConfigError or StartError with what to do."""
    config = loaded.gateway
    if not config.redis_url:
        raise StartError("gateway.redis_url is empty. Set REDIS_URL, or start with `tierwise serve`, which brings one.")
    check_url(config.redis_url)
    check_url(config.cache.redis_url or config.redis_url)
    model, shipped = load_classifier()
    alerts = Alerts(config.budgets.alert_webhook_url)
    meter = BudgetMetrics()
    tell = partial(_tell, alerts, meter)
    ledger = RedisLedger(config.redis_url, config.budgets, Path(config.state_dir) / "journal", tell)
    embedder, verifier = AsyncEmbedder(Embedder(sums=model.usual_sums)), PairVerifier.load()
    store = RedisCache(config.cache.redis_url or config.redis_url, config.cache, verifier)
    evidence = CacheEvidence(config.redis_url, config, verifier.threshold)
    catalog, flights = catalog_of(loaded.model_list), Flights()
    telemetry, learning = build_telemetry(config, config.redis_url), LearningHouse(config.redis_url, config)
    for note in unreachable(config, catalog):
        log.warning("%s", note)
    trials = TrialsHouse(config.redis_url, config, catalog, alerts)
    pipeline = Pipeline(
        config=config,
        catalog=catalog,
        budget=BudgetPath(config, catalog, ledger, meter),
        cache=CachePath(config, catalog, store if config.cache.enabled else None, embedder, evidence),
        cascade=Cascade(config.routing, model, shipped),
        judge=SmallJudge(config.routing.judge) if config.routing.judge.enabled else None,
        conversations=RedisConversations(config.redis_url, config.cache.timeout_ms),
        sink=FanOut((telemetry.sink, learning.outcomes, trials)),
        screening=Screening(config.policy),
    )
    if in_the_way := obstacle(loaded.raw, os.environ):
        log.warning("the fast lane is closed, because of %s", in_the_way)
    watched = Watched(loaded.path)
    watched.changed()
    keyring = Keyring(config, os.environ.get("LITELLM_MASTER_KEY"))
    paths = config, catalog, pipeline.budget
    escalation = EscalationPath(*paths, AnswerJudge(*paths, SmallModel()))
    talking = telemetry, Upstream(), escalation, ledger, alerts, flights, watched
    house = learning, evidence, CacheChecks(evidence), not in_the_way, trials, ShadowPath(*paths)
    return Runtime(config, catalog, keyring, pipeline, *talking, *house)


def _tell(alerts: Alerts, meter: BudgetMetrics, alert: Alert) -> None:
    alerts(alert)
    meter.alerted(alert)


@cache
def runtime() -> Runtime:
    """The process's runtime, built from the file that LiteLLM was given."""
    built = build(load_config())
    cache_seam.install(built.flights)
    return built
