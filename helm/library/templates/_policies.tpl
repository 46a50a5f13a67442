{{/* A peer that is a whole namespace. */}}
{{- define "oran.namespacePeer" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}

{{- define "oran.dnsEgress" -}}
- to:
    - namespaceSelector: {}
  ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- end }}

{{/* Takes the chart's root. A single replica is moved by deleting it first, so the default allows one to be away. */}}
{{- define "oran.podDisruptionBudget" -}}
{{- if .Values.podDisruptionBudget.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "oran.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
