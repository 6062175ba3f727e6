{{/* The alerts. Each has a section of its own name in docs/operations.md that says what to do. */}}
{{- define "tierwise.alerts" -}}
{{- $rule := .Values.metrics.prometheusRule -}}
{{- $ours := printf `namespace="%s",service="%s"` .Release.Namespace (include "tierwise.fullname" .) -}}
- name: {{ include "tierwise.fullname" . }}
  rules:
    - alert: TierwiseDown
      expr: absent(up{ {{- $ours -}} } == 1)
      for: 2m
      labels: {severity: critical}
      annotations:
        summary: No replica of the gateway can be scraped
        description: Either all pods are gone, or the metrics token or the network policy for Prometheus is wrong.
    - alert: TierwiseRequestsFail
      expr: >-
        sum(rate(tierwise_requests_total{ {{- $ours -}} ,outcome="failed"}[10m]))
        / sum(rate(tierwise_requests_total{ {{- $ours -}} }[10m])) > {{ $rule.errorShare }}
      for: 5m
      labels: {severity: critical}
      annotations:
        summary: {{ `{{ $value | humanizePercentage }} of the requests fail` | quote }}
        description: Providers fail and their fallbacks as well, or the gateway does. The dashboard splits it by provider.
    - alert: TierwiseUnavailable
      expr: sum(rate(tierwise_errors_total{ {{- $ours -}} ,code="gateway_unavailable"}[5m])) > 0
      for: 5m
      labels: {severity: critical}
      annotations:
        summary: Requests are refused because the budget ledger cannot be reached
        description: Redis is away or slow. Tenants with when_ledger_away deny get 503 until it is back.
    - alert: TierwiseRedisAway
      expr: max(tierwise_breaker_open{ {{- $ours -}} }) == 1
      for: 2m
      labels: {severity: critical}
      annotations:
        summary: Redis does not answer at least one replica
        description: Nothing is cached meanwhile, and each tenant's when_ledger_away decides whether it is served.
    - alert: TierwiseGroupDown
      expr: >-
        min by (group) (tierwise_deployments_cooling{ {{- $ours -}} })
        >= max by (group) (tierwise_deployments{ {{- $ours -}} }) > 0
      for: 2m
      labels: {severity: warning}
      annotations:
        summary: {{ `All deployments of {{ $labels.group }} are in cool-down` | quote }}
        description: Its provider fails or limits the rate. Requests go to other tiers where the tenant may use them.
    - alert: TierwiseNoDeployment
      expr: sum by (tenant) (rate(tierwise_errors_total{ {{- $ours -}} ,code="no_allowed_deployment"}[10m])) > 0
      for: 5m
      labels: {severity: warning}
      annotations:
        summary: {{ `No model that tenant {{ $labels.tenant }} may use can be reached` | quote }}
        description: Its models are in cool-down, or its data must stay on premise and no on-premise model answers.
    - alert: TierwiseSlow
      expr: >-
        histogram_quantile(0.95, sum by (le, tier) (rate(tierwise_request_seconds_bucket{ {{- $ours -}} }[10m])))
        > {{ $rule.p95Seconds }}
      for: 10m
      labels: {severity: warning}
      annotations:
        summary: {{ `One in twenty requests of tier {{ $labels.tier }} takes more than {{ $value | humanizeDuration }}` | quote }}
        description: Compare the steps on the dashboard to see whether the provider or the gateway is slow.
    - alert: TierwiseFallsBack
      expr: >-
        sum by (tier, provider) (rate(tierwise_fallbacks_total{ {{- $ours -}} }[10m]))
        / on (tier) group_left sum by (tier) (rate(tierwise_requests_total{ {{- $ours -}} }[10m])) > {{ $rule.fallbackShare }}
      for: 10m
      labels: {severity: warning}
      annotations:
        summary: {{ `Tier {{ $labels.tier }} often answers from a second deployment` | quote }}
        description: The first one fails or is rate limited. Clients do not see it yet.
    - alert: TierwiseProviderFails
      expr: >-
        sum by (provider) (rate(tierwise_provider_attempts_total{ {{- $ours -}} ,result!="ok"}[10m]))
        / sum by (provider) (rate(tierwise_provider_attempts_total{ {{- $ours -}} }[10m])) > {{ $rule.providerErrorShare }}
      for: 5m
      labels: {severity: warning}
      annotations:
        summary: {{ `{{ $value | humanizePercentage }} of the calls of provider {{ $labels.provider }} fail` | quote }}
        description: Other deployments answer where a request may use them. The dashboard says how its calls fail.
    - alert: TierwiseCapNearlyReached
      expr: >-
        max by (tenant, scope, tier, window, unit)
        (tierwise_budget_spent{ {{- $ours -}} } / (tierwise_budget_cap{ {{- $ours -}} } > 0)) >= {{ $rule.capShare }}
      for: 1m
      labels: {severity: warning}
      annotations:
        summary: {{ `{{ $value | humanizePercentage }} of a cap per {{ $labels.window }} is spent: {{ $labels.tenant }}, {{ $labels.scope }}` | quote }}
        description: At the cap its requests get 429 until the window ends. Grant more, raise the cap, or tell the tenant.
    - alert: TierwiseCacheMayErr
      expr: >-
        sum(increase(tierwise_feedback_total{ {{- $ours -}} ,cache="semantic",verdict="bad"}[1d]))
        / sum(increase(tierwise_feedback_total{ {{- $ours -}} ,cache="semantic"}[1d])) > {{ $rule.cacheBadShare }}
        and sum(increase(tierwise_feedback_total{ {{- $ours -}} ,cache="semantic",verdict="bad"}[1d])) >= {{ $rule.cacheBadLeast }}
        or
        sum(increase(tierwise_cache_checks_total{ {{- $ours -}} ,of="hit",result="different"}[1d]))
        / sum(increase(tierwise_cache_checks_total{ {{- $ours -}} ,of="hit",result=~"same|different"}[1d])) > {{ $rule.cacheBadShare }}
        and sum(increase(tierwise_cache_checks_total{ {{- $ours -}} ,of="hit",result="different"}[1d])) >= {{ $rule.cacheBadLeast }}
      for: 5m
      labels: {severity: warning}
      annotations:
        summary: {{ `{{ $value | humanizePercentage }} of the semantic cache hits that were looked at were wrong` | quote }}
        description: The cache may serve answers to other questions. Switch cache.semantic off, or accept a smaller error.
    - alert: TierwiseEscalates
      expr: >-
        sum by (task) (rate(tierwise_escalations_total{ {{- $ours -}} }[30m]))
        / sum by (task) (rate(tierwise_routed_total{ {{- $ours -}} }[30m])) > {{ $rule.escalationShare }}
      for: 15m
      labels: {severity: warning}
      annotations:
        summary: {{ `{{ $value | humanizePercentage }} of the {{ $labels.task }} answers are asked again of a better model` | quote }}
        description: A cheap model answers this task badly, so it is paid for twice. Route the task to a better tier.
    - alert: TierwiseBudgetNearlySpent
      expr: min by (tenant) (tierwise_budget_left_usd{ {{- $ours -}} }) < {{ $rule.budgetLeftUsd }}
      for: 1m
      labels: {severity: warning}
      annotations:
        summary: {{ `Tenant {{ $labels.tenant }} has {{ $value | humanize }} dollars left under its tightest cap` | quote }}
        description: When it is used up its requests get 429. Raise the cap, or tell the tenant.
    - alert: TierwiseOverBudget
      expr: sum by (tenant) (rate(tierwise_errors_total{ {{- $ours -}} ,code="insufficient_quota"}[10m])) > 0
      for: 5m
      labels: {severity: info}
      annotations:
        summary: {{ `Requests of tenant {{ $labels.tenant }} are refused: a cap is reached` | quote }}
        description: This is the cap at work. Raise it, or wait for its window to end.
    - alert: TierwiseTracesLost
      expr: sum by (sink, reason) (increase(tierwise_trace_drops_total{ {{- $ours -}} }[15m])) > 0
      for: 1m
      labels: {severity: warning}
      annotations:
        summary: {{ `Traces are lost in {{ $labels.sink }}: {{ $labels.reason }}` | quote }}
        description: The tracing backend does not take them and the spool is full. Requests are not affected.
    - alert: TierwiseRolloutTakenBack
      expr: sum by (task, rate) (increase(tierwise_rollout_rollbacks_total{ {{- $ours -}} }[1h])) > 0
      labels: {severity: warning}
      annotations:
        summary: {{ `The rollout of {{ $labels.task }} was taken back: {{ $labels.rate }} got worse` | quote }}
        description: The baseline answers again. tierwise rollout show has both rates and the reason.
    - alert: TierwiseModelChanged
      expr: sum by (model, direction) (increase(tierwise_model_changes_total{ {{- $ours -}} }[1h])) > 0
      labels: {severity: warning}
      annotations:
        summary: {{ `The answers of {{ $labels.model }} have become {{ $labels.direction }}` | quote }}
        description: Either the provider changed the model under its name, or the traffic changed. tierwise rerun tells.
{{- end -}}
