{{/* ServiceMonitor. Takes (dict "root" . "port" PORT-NAME "path" PATH). The label xapp of the service becomes one of every series. */}}
{{- define "oran.serviceMonitor" -}}
{{- $root := .root }}
{{- with $root.Values.monitoring.serviceMonitor }}
{{- if .enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ $root.Chart.Name }}
  namespace: {{ include "oran.namespace" $root }}
  labels:
    {{- include "oran.labels" $root | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "oran.selectorLabels" $root | nindent 6 }}
      oran-slicing/scrape: "true"
  namespaceSelector:
    matchNames:
      - {{ include "oran.namespace" $root }}
  targetLabels:
    - xapp
  endpoints:
    - port: {{ $.port }}
      path: {{ $.path }}
      interval: {{ .interval }}
      scrapeTimeout: {{ .scrapeTimeout }}
{{- end }}
{{- end }}
{{- end }}

{{/* PrometheusRule out of the chart's rules.yaml. Runbook links become absolute where a base is given. */}}
{{- define "oran.prometheusRule" -}}
{{- with .Values.monitoring.rules }}
{{- if .enabled }}
{{- $spec := $.Files.Get "rules.yaml" }}
{{- if .runbookBaseUrl }}
{{- $spec = replace "runbook_url: docs/" (printf "runbook_url: %s/docs/" (trimSuffix "/" .runbookBaseUrl)) $spec }}
{{- end }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ $.Chart.Name }}
  namespace: {{ include "oran.namespace" $ }}
  labels:
    {{- include "oran.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- $spec | fromYaml | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* One config map a dashboard, for the Grafana side-car. */}}
{{- define "oran.dashboards" -}}
{{- with .Values.monitoring.dashboards }}
{{- if .enabled }}
{{- range $path, $_ := $.Files.Glob "dashboards/*.json" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: dashboard-{{ trimSuffix ".json" (base $path) }}
  namespace: {{ $.Values.monitoring.dashboards.namespace | default (include "oran.namespace" $) }}
  labels:
    {{- include "oran.labels" $ | nindent 4 }}
    {{- toYaml $.Values.monitoring.dashboards.labels | nindent 4 }}
  annotations:
    grafana_folder: {{ $.Values.monitoring.dashboards.folder | quote }}
data:
  {{ base $path }}: |
    {{- $.Files.Get $path | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
