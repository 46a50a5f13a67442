{{/* Pod-wide part of every pod: no token, no root, the runtime's seccomp profile, pull secrets, placement. */}}
{{- define "oran.podSettings" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "oran.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities:
    drop: ["ALL"]
{{- end }}

{{/* Writable scratch space for a read-only root: mount and volume. */}}
{{- define "oran.scratchMount" -}}
- name: scratch
  mountPath: /tmp
{{- end }}

{{- define "oran.scratchVolume" -}}
- name: scratch
  emptyDir:
    sizeLimit: 256Mi
{{- end }}

{{/* HTTP probes. Takes (dict "values" .Values.probes "port" PORT "alive" PATH "ready" PATH). */}}
{{- define "oran.probes" -}}
{{- with .values }}
startupProbe:
  httpGet:
    path: {{ $.alive }}
    port: {{ $.port }}
  periodSeconds: 2
  failureThreshold: {{ div (add (int .startupSeconds) 1) 2 }}
livenessProbe:
  httpGet:
    path: {{ $.alive }}
    port: {{ $.port }}
  periodSeconds: {{ .periodSeconds }}
  timeoutSeconds: {{ .timeoutSeconds }}
  failureThreshold: {{ .failureThreshold }}
readinessProbe:
  httpGet:
    path: {{ $.ready }}
    port: {{ $.port }}
  periodSeconds: {{ .periodSeconds }}
  timeoutSeconds: {{ .timeoutSeconds }}
  failureThreshold: {{ .failureThreshold }}
{{- end }}
{{- end }}

{{/* Annotations by which a Prometheus without operator finds the pod. Takes (dict "root" . "port" PORT "path" PATH). */}}
{{- define "oran.podAnnotations" -}}
{{- if .root.Values.monitoring.annotations }}
prometheus.io/scrape: "true"
prometheus.io/path: {{ .path | quote }}
prometheus.io/port: {{ .port | quote }}
{{- end }}
{{- with .root.Values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}
