{{/* Where the gateway's variables come from. */}}
{{- define "tierwise.env" -}}
- {name: HOME, value: /var/lib/tierwise}
{{ include "tierwise.secretEnv" (list . "LITELLM_MASTER_KEY" .Values.credentials.masterKey .Values.credentials.masterKey.key) }}
{{ include "tierwise.redisEnv" . }}
{{- range $name, $given := .Values.credentials.providers }}
{{- $from := default dict $given }}
{{ include "tierwise.secretEnv" (list $ $name $from (default $name $from.key)) }}
{{- end }}
{{- with .Values.credentials.langfuse }}
{{- if .enabled }}
{{ include "tierwise.secretEnv" (list $ "LANGFUSE_PUBLIC_KEY" . .publicKey) }}
{{ include "tierwise.secretEnv" (list $ "LANGFUSE_SECRET_KEY" . .secretKey) }}
{{- end }}
{{- end }}
{{- with .Values.credentials.metricsToken }}
{{- if .enabled }}
{{ include "tierwise.secretEnv" (list $ "TIERWISE_METRICS_TOKEN" . .key) }}
{{- end }}
{{- end }}
{{- with .Values.credentials.database }}
{{- if .enabled }}
{{ include "tierwise.secretEnv" (list $ "DATABASE_URL" . .key) }}
{{- end }}
{{- end }}
{{- if .Values.caBundle.existingConfigMap }}
- {name: SSL_CERT_FILE, value: /etc/tierwise/ca/ca.crt}
- {name: REQUESTS_CA_BUNDLE, value: /etc/tierwise/ca/ca.crt}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tierwise.redisEnv" -}}
{{- with .Values.redis -}}
{{- if eq .mode "inChart" -}}
{{- if .inChart.auth.existingSecret -}}
{{ include "tierwise.secretEnv" (list $ "REDIS_URL" .inChart.auth .inChart.auth.urlKey) }}
{{- else -}}
- {name: REDIS_URL, value: "redis://{{ include "tierwise.fullname" $ }}-redis:6379/0"}
{{- end -}}
{{- else if .external.url -}}
- {name: REDIS_URL, value: {{ .external.url | quote }}}
{{- else -}}
{{ include "tierwise.secretEnv" (list $ "REDIS_URL" .external .external.key) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tierwise.volumeMounts" -}}
- {name: config, mountPath: /etc/tierwise/proxy_config.yaml, subPath: proxy_config.yaml, readOnly: true}
- {name: state, mountPath: /var/lib/tierwise}
- {name: tmp, mountPath: /tmp}
{{- if and .Values.credentials.clientKeys.enabled (not .Values.credentials.database.enabled) }}
- {name: keys, mountPath: /etc/tierwise/keys, readOnly: true}
{{- end }}
{{- if .Values.caBundle.existingConfigMap }}
- {name: ca, mountPath: /etc/tierwise/ca, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tierwise.volumes" -}}
- name: config
  configMap: {name: {{ include "tierwise.fullname" . }}}
- name: state
  {{- toYaml .Values.stateVolume | nindent 2 }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- with .Values.credentials }}
{{- if and .clientKeys.enabled (not .database.enabled) }}
- name: keys
  secret:
    secretName: {{ include "tierwise.secret" (list $ .clientKeys) }}
    items: [{key: {{ .clientKeys.key }}, path: {{ .clientKeys.key }}}]
{{- end }}
{{- end }}
{{- with .Values.caBundle }}
{{- if .existingConfigMap }}
- name: ca
  configMap:
    name: {{ .existingConfigMap }}
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tierwise.topologySpread" -}}
{{- range $key, $unsatisfied := dict "topology.kubernetes.io/zone" .zone "kubernetes.io/hostname" .host }}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: {{ $unsatisfied }}
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{- include "tierwise.selector" (list $.root "gateway") | nindent 6 }}
{{- end }}
{{- end -}}
