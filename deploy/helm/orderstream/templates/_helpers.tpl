{{- define "orderstream.image" -}}
{{ required "image.repository: the image you built and pushed" .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A changed setting or file starts the pods anew, as the hash in a name does with Kustomize. */}}
{{- define "orderstream.checksum" -}}
checksum/config: {{ list .Values.config .Values.files | toJson | sha256sum }}
{{- end }}

{{/* Helm reads every number as a float, and writes one of a million or more as 1e+06, which is no whole number. */}}
{{- define "orderstream.setting" -}}
{{ if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Seconds that a pod may take to end: longer than it takes by itself, also where settings say that it takes long. */}}
{{- define "orderstream.grace.ingress" -}}
{{- $request := .Values.config.INGRESS_REQUEST_TIMEOUT_SECONDS | default 10 | float64 -}}
{{- $notice := .Values.config.INGRESS_DRAIN_NOTICE_SECONDS | default 0 | float64 -}}
{{ max 30 (addf $request $notice 10 | ceil | int64) }}
{{- end }}

{{- define "orderstream.grace.worker" -}}
{{ max 60 (addf (.Values.config.WORKER_STOP_DEADLINE_SECONDS | default 25 | float64) 10 | ceil | int64) }}
{{- end }}
