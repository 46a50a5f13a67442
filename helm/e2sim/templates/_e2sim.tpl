{{/* Where the node's RIC listens. */}}
{{- define "e2sim.ric" -}}
{{ printf "%s://%s:%v" .Values.ric.transport .Values.ric.host .Values.ric.port }}
{{- end }}
