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
