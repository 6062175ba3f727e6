{{/*
proxy_config.yaml. Two things that a plain toYaml would break: the order of the tiers (Helm sorts mappings), and small
numbers (Helm writes 0.0000001 as 1e-07, which YAML 1.1 readers take for text: it becomes 1.0e-07).
*/}}
{{- define "tierwise.config" -}}
{{- $text := include "tierwise.config.plain" . -}}
{{- regexReplaceAll "(?m)((?:^|: |- ) *-?[0-9]+)e([-+][0-9]+)$" $text "${1}.0e${2}" -}}
{{- end -}}

{{- define "tierwise.config.plain" -}}
{{- $litellm := merge (dict "callbacks" (list "plugins.gateway.gateway")) .Values.litellmSettings -}}
{{- $ours := dict "custom_auth" "plugins.gateway.authenticate" "master_key" "os.environ/LITELLM_MASTER_KEY" -}}
{{- $general := merge $ours .Values.generalSettings -}}
model_list:
{{ toYaml .Values.models }}
litellm_settings:
{{ toYaml $litellm | indent 2 }}
general_settings:
{{ toYaml $general | indent 2 }}
{{- with .Values.routerSettings }}
router_settings:
{{ toYaml . | indent 2 }}
{{- end }}
gateway:
  tiers:
{{- range .Values.gateway.tiers }}
    {{ .name }}: {{ omit . "name" | toJson }}
{{- end }}
{{ include "tierwise.config.gateway" . | indent 2 }}
{{- end -}}

{{- define "tierwise.config.gateway" -}}
{{- $gateway := omit (deepCopy .Values.gateway) "tiers" -}}
{{- $_ := set $gateway "redis_url" "os.environ/REDIS_URL" -}}
{{- $_ := set $gateway "state_dir" "/var/lib/tierwise/state" -}}
{{- if and .Values.credentials.clientKeys.enabled (not .Values.credentials.database.enabled) -}}
{{- $_ := set $gateway "keys_file" (printf "/etc/tierwise/keys/%s" .Values.credentials.clientKeys.key) -}}
{{- end -}}
{{- if .Values.credentials.langfuse.enabled -}}
{{- $keys := dict "langfuse_public_key" "os.environ/LANGFUSE_PUBLIC_KEY" -}}
{{- $_ := set $keys "langfuse_secret_key" "os.environ/LANGFUSE_SECRET_KEY" -}}
{{- $_ := set $gateway "tracing" (merge $keys (default dict $gateway.tracing)) -}}
{{- end -}}
{{- if .Values.credentials.metricsToken.enabled -}}
{{- $_ := set $gateway "metrics" (dict "token" "os.environ/TIERWISE_METRICS_TOKEN") -}}
{{- end -}}
{{ toYaml $gateway }}
{{- end -}}
