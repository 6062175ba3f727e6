{{/*
What contradicts itself or is missing, one sentence each that says what to set. Every part returns its sentences, one a
line; an install stops with all of them at once.
*/}}
{{- define "tierwise.problems" -}}
{{ include "tierwise.problems.models" . }}
{{ include "tierwise.problems.gateway" . }}
{{ include "tierwise.problems.references" . }}
{{ include "tierwise.problems.credentials" . }}
{{ include "tierwise.problems.redis" . }}
{{ include "tierwise.problems.scaling" . }}
{{ include "tierwise.problems.network" . }}
{{- end -}}

{{- define "tierwise.problems.models" -}}
{{- if not .Values.image.repository }}
image.repository is empty: build the image with the Dockerfile, push it to a registry of yours, and set its name there.
{{- end }}
{{- if not .Values.models }}
models is empty: list at least one model there, in LiteLLM's model_list format (see helm/examples).
{{- end }}
{{- if not .Values.gateway.tiers }}
gateway.tiers is empty: list the tiers there, cheapest first, for example [{name: small, strength: weak}].
{{- end }}
{{- $groups := list }}
{{- range $place, $model := .Values.models }}
{{- $groups = append $groups $model.model_name }}
{{- range $key, $value := $model.litellm_params }}
{{- if and (regexMatch "(api_key|secret|password|credentials|session_token|ad_token)" $key) (kindIs "string" $value) }}
{{- if not (or (hasPrefix "os.environ/" $value) (has $value (list "" "none" "simulated"))) }}
models[{{ $place }}].litellm_params.{{ $key }} holds a secret in clear text: put it into a Secret, name it under credentials.providers, and write os.environ/NAME here.
{{- end }}
{{- end }}
{{- end }}
{{- if and (default dict $model.model_info).simulated (not $.Values.trial) }}
models[{{ $place }}] is simulated: remove it, or set trial: true if invented answers are what you want.
{{- end }}
{{- end }}
{{- range .Values.gateway.tiers }}
{{- $group := default .name .model_group }}
{{- if and $.Values.models (not (has $group $groups)) }}
gateway.tiers names tier {{ .name }}, but models has no model_name {{ $group }}: add such a model, or set model_group of that tier.
{{- end }}
{{- end }}
{{- end -}}

{{- define "tierwise.problems.gateway" -}}
{{- if not .Values.gateway.tenants }}
gateway.tenants is empty: add at least one tenant there, for example {acme: {apps: {web: {}}}}.
{{- end }}
{{- if not (dig "routing" "default" dict .Values.gateway) }}
gateway.routing.default is missing: say which tier serves easy, medium and hard requests, for example {easy: small, medium: mid, hard: frontier}.
{{- end }}
{{- $onPremise := false }}
{{- range .Values.gateway.tiers }}{{ if .on_premise }}{{ $onPremise = true }}{{ end }}{{ end }}
{{- $keys := .Values.credentials.database.enabled | or .Values.credentials.clientKeys.enabled }}
{{- range $tenant, $settings := .Values.gateway.tenants }}
{{- if and (eq (toString (default dict $settings).residency) "on_premise") (not $onPremise) }}
gateway.tenants.{{ $tenant }}.residency is on_premise, but no tier is: set on_premise: true on a tier whose models you host.
{{- end }}
{{- range $app, $having := (default dict $settings).apps }}{{ if (default dict $having).keys }}{{ $keys = true }}{{ end }}{{ end }}
{{- end }}
{{- if not $keys }}
no client could call: set credentials.clientKeys.enabled, list keys under gateway.tenants, or set credentials.database.enabled.
{{- end }}
{{- end -}}

{{/* Every os.environ/NAME must come from somewhere. */}}
{{- define "tierwise.problems.references" -}}
{{- $known := list "REDIS_URL" "LITELLM_MASTER_KEY" "TIERWISE_SIMULATOR_URL" }}
{{- if .Values.credentials.database.enabled }}{{ $known = append $known "DATABASE_URL" }}{{ end }}
{{- range $name, $_ := .Values.credentials.providers }}{{ $known = append $known $name }}{{ end }}
{{- range .Values.extraEnv }}{{ $known = append $known .name }}{{ end }}
{{- $text := list .Values.models .Values.gateway .Values.litellmSettings .Values.generalSettings .Values.routerSettings | toJson }}
{{- range regexFindAll "os\\.environ/[A-Za-z0-9_]+" $text -1 | uniq }}
{{- $name := trimPrefix "os.environ/" . }}
{{- if not (or (has $name $known) $.Values.extraEnvFrom) }}
os.environ/{{ $name }} is used but nothing sets it: add {{ $name }} to credentials.providers (from a Secret) or to extraEnv.
{{- end }}
{{- end }}
{{- $ours := concat (list "HOME" "REDIS_URL" "LITELLM_MASTER_KEY" "LANGFUSE_PUBLIC_KEY" "LANGFUSE_SECRET_KEY" "TIERWISE_METRICS_TOKEN" "DATABASE_URL") (keys .Values.credentials.providers) }}
{{- range .Values.extraEnv }}
{{- if has .name $ours }}
extraEnv sets {{ .name }}, which the chart sets itself: remove it, and use credentials or redis.
{{- end }}
{{- end }}
{{- end -}}

{{- define "tierwise.problems.credentials" -}}
{{- with .Values.credentials }}
{{- if and (not .existingSecret) $.Values.externalSecret.enabled }}
externalSecret.enabled needs a name for the Secret that it makes: set credentials.existingSecret.
{{- end }}
{{- if not (or .existingSecret .masterKey.existingSecret) }}
the administrators' key has no Secret: create one with the key {{ .masterKey.key }} and set credentials.existingSecret (or credentials.masterKey.existingSecret) to its name.
{{- end }}
{{- $parts := dict "clientKeys" .clientKeys "langfuse" .langfuse "metricsToken" .metricsToken "database" .database }}
{{- range $part, $values := $parts }}
{{- if and $values.enabled (not (or $.Values.credentials.existingSecret $values.existingSecret)) }}
credentials.{{ $part }}.enabled has no Secret to read: set credentials.{{ $part }}.existingSecret or credentials.existingSecret.
{{- end }}
{{- end }}
{{- range $name, $values := .providers }}
{{- if not (or $.Values.credentials.existingSecret (default dict $values).existingSecret) }}
credentials.providers.{{ $name }} has no Secret to read: set its existingSecret or credentials.existingSecret.
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.externalSecret }}
{{- if and .enabled (not .store.name) }}
externalSecret.store.name is empty: set the name of your {{ .store.kind }}.
{{- end }}
{{- if and .enabled (not .data) }}
externalSecret.data is empty: say for each key of the Secret where it lies, for example OPENAI_API_KEY: {key: llm/openai}.
{{- end }}
{{- end }}
{{- if and .Values.tests.enabled (not (or .Values.tests.existingSecret .Values.credentials.existingSecret)) }}
helm test has no client key to call with: set tests.existingSecret, or tests.enabled: false.
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.credentials.metricsToken.enabled) }}
metrics.serviceMonitor.enabled needs a token to read /metrics with: set credentials.metricsToken.enabled and put the token into its Secret.
{{- end }}
{{- end -}}

{{- define "tierwise.problems.redis" -}}
{{- if contains "@" (toString (dig "cache" "redis_url" "" .Values.gateway)) }}
gateway.cache.redis_url holds a password: put the URL into a Secret, name it under credentials.providers (CACHE_REDIS_URL: {}), and write os.environ/CACHE_REDIS_URL here.
{{- end }}
{{- with .Values.redis }}
{{- if eq .mode "external" }}
{{- if and .external.url .external.existingSecret }}
redis.external.url and redis.external.existingSecret are both set: keep the Secret if the URL has a password, else the url.
{{- end }}
{{- if not (or .external.url .external.existingSecret $.Values.credentials.existingSecret) }}
Redis has no address: set redis.external.existingSecret to a Secret with the key {{ .external.key }}, or redis.mode: inChart for a trial.
{{- end }}
{{- if contains "@" .external.url }}
redis.external.url holds a password: put the whole URL into a Secret and set redis.external.existingSecret instead.
{{- end }}
{{- if and .external.url (not (regexMatch "^rediss?([+]sentinel)?://" .external.url)) }}
redis.external.url is no address of a Redis: set it to redis://HOST:PORT/0 (a server or a cluster), rediss:// for TLS, or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE.
{{- end }}
{{- if regexMatch "[?&](sentinel_)?password=" .external.url }}
redis.external.url holds a password: put the whole URL into a Secret and set redis.external.existingSecret instead.
{{- end }}
{{- else if or .external.url .external.existingSecret }}
redis.mode is inChart, but redis.external is set as well: set redis.mode: external, or empty redis.external.url and redis.external.existingSecret.
{{- end }}
{{- end }}
{{- end -}}

{{- define "tierwise.problems.scaling" -}}
{{- if and .Values.autoscaling.enabled .Values.keda.enabled }}
autoscaling.enabled and keda.enabled would fight over the replicas: set one of them to false.
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
autoscaling.minReplicas is above autoscaling.maxReplicas: set it to {{ .maxReplicas }} or less.
{{- end }}
{{- if and .enabled (not (or .targetCPU .targetMemory .metrics)) }}
autoscaling.enabled has nothing to measure: set autoscaling.targetCPU, targetMemory or metrics.
{{- end }}
{{- end }}
{{- with .Values.keda }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
keda.minReplicas is above keda.maxReplicas: set it to {{ .maxReplicas }} or less.
{{- end }}
{{- if and .enabled (not (or .prometheus.serverAddress .triggers)) }}
keda.enabled has no trigger: set keda.prometheus.serverAddress, or list keda.triggers.
{{- end }}
{{- end }}
{{- with .Values.podDisruptionBudget }}
{{- if .enabled }}
{{- $minimum := toString (default "" .minAvailable) }}
{{- $maximum := toString (default "" .maxUnavailable) }}
{{- if not (or $minimum $maximum) }}
podDisruptionBudget would allow no disruption at all: set podDisruptionBudget.maxUnavailable to 1 or more.
{{- else if $minimum }}
{{- $least := int (include "tierwise.leastReplicas" $) }}
{{- if and (not (hasSuffix "%" $minimum)) (ge (int $minimum) $least) }}
podDisruptionBudget.minAvailable is {{ $minimum }} of {{ $least }} replicas, so no node could ever be drained: set it below {{ $least }}, or use maxUnavailable: 1.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.updateStrategy }}
{{- if and (eq (toString .maxSurge) "0") (eq (toString .maxUnavailable) "0") }}
updateStrategy.maxSurge and maxUnavailable are both 0, so no update could begin: set maxSurge to 1.
{{- end }}
{{- end }}
{{- end -}}

{{- define "tierwise.problems.network" -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
ingress.enabled has no host: set ingress.hosts, for example [{host: llm.example.com}].
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
httpRoute.enabled has no gateway to attach to: set httpRoute.parentRefs, for example [{name: public, namespace: gateways}].
{{- end }}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) .Values.routeTimeoutSeconds }}
{{- if lt (int .Values.routeTimeoutSeconds) (int (include "tierwise.requestTimeout" .)) }}
routeTimeoutSeconds is below gateway.limits.request_timeout_s, so streams would be cut: set it to {{ include "tierwise.requestTimeout" . }} or more, or to null.
{{- end }}
{{- end }}
{{- with .Values.networkPolicy }}
{{- if .enabled }}
{{- if and (eq $.Values.redis.mode "external") (not .redis.to) }}
the network policy would shut Redis out: set networkPolicy.redis.to (and ports), for example [{ipBlock: {cidr: 10.0.8.0/24}}], or networkPolicy.enabled: false.
{{- end }}
{{- if and $.Values.credentials.langfuse.enabled (not .langfuse.to) }}
the network policy would shut Langfuse out: set networkPolicy.langfuse.to, for example [{ipBlock: {cidr: 0.0.0.0/0}}], or networkPolicy.enabled: false.
{{- end }}
{{- if and $.Values.credentials.database.enabled (not .database.to) }}
the network policy would shut the database out: set networkPolicy.database.to and ports, or networkPolicy.enabled: false.
{{- end }}
{{- if not (or .providers.to .onPremise.to $.Values.trial) }}
the network policy would shut all models out: set networkPolicy.providers.to or networkPolicy.onPremise.to.
{{- end }}
{{- range $place, $rule := .extra }}
{{- if not .to }}
networkPolicy.extra[{{ $place }}] has no one to reach: list its peers under to.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
