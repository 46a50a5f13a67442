{{/* What the platform's services are called, and the container port behind each. */}}
{{- define "ric.services" -}}
- {name: appmgr-http, port: 8080, target: appmgr}
- {name: submgr-http, port: 8088, target: submgr}
- {name: e2mgr-http, port: 3800, target: e2mgr}
- {name: rtmgr-http, port: 3800, target: rtmgr}
- {name: rtmgr-rmr, port: 4561, target: rtmgr-rmr}
- {name: a1mediator-http, port: 10000, target: a1}
- {name: a1mediator-rmr, port: 4562, target: a1-rmr}
- {name: e2term-rmr-alpha, port: 38000, target: e2term-rmr}
- {name: ric-metrics, port: 8089, target: metrics}
{{- end }}

{{- define "ric.service" -}}
service-{{ include "oran.namespace" .root }}-{{ .name }}
{{- end }}

{{- define "ric.database" -}}
{{- if .Values.redis.enabled -}}
{{ include "ric.service" (dict "root" . "name" "dbaas-tcp") }}:6379
{{- else -}}
{{ .Values.redis.address }}
{{- end -}}
{{- end }}
