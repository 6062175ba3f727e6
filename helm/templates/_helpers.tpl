{{/* Names and labels. */}}
{{- define "tierwise.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "tierwise.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "tierwise.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tierwise.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a selector may name: it must never change. Takes a list: root, component. */}}
{{- define "tierwise.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "tierwise.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "tierwise.labels" -}}
{{- $root := index . 0 -}}
{{ include "tierwise.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tierwise.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "tierwise.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* An image with its digest, or else its tag. Takes a list: image values, default tag. */}}
{{- define "tierwise.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The Secret of one credential: its own, or the common one. Takes a list: root, the credential's values. */}}
{{- define "tierwise.secret" -}}
{{- default (index . 0).Values.credentials.existingSecret (index . 1).existingSecret -}}
{{- end -}}

{{/* One environment variable from a Secret. Takes a list: root, variable, credential's values, key. */}}
{{- define "tierwise.secretEnv" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "tierwise.secret" (list (index . 0) (index . 2)) }}
      key: {{ index . 3 }}
{{- end -}}

{{/* The replicas that are there at least: what budgets of disruption are held against. */}}
{{- define "tierwise.leastReplicas" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.minReplicas }}
{{- else if .Values.keda.enabled }}{{ .Values.keda.minReplicas }}
{{- else }}{{ .Values.replicaCount }}{{ end -}}
{{- end -}}

{{- define "tierwise.requestTimeout" -}}
{{- $limits := default dict .Values.gateway.limits -}}
{{- default 600 $limits.request_timeout_s | int -}}
{{- end -}}

{{- define "tierwise.routeTimeout" -}}
{{- default (add (include "tierwise.requestTimeout" .) 20) .Values.routeTimeoutSeconds | int -}}
{{- end -}}
