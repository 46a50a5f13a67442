{{- define "rapp.dataVolume" -}}
- name: data
{{- if .Values.storage.enabled }}
  persistentVolumeClaim:
    claimName: {{ .Values.storage.existingClaim | default "rapp-data" }}
{{- else }}
  emptyDir: {}
{{- end }}
{{- end }}

{{- define "rapp.a1" -}}
{{- $ns := .Values.platform.namespace -}}
{{ .Values.platform.a1Url | default (printf "http://service-%s-a1mediator-http.%s:10000" $ns $ns) }}
{{- end }}

{{/* The pod of a training: labels first, then train, evaluate, put, publish. It runs beside the store where the volume can be on one node only. */}}
{{- define "rapp.trainingPod" -}}
{{- $training := .Values.training }}
{{- $labels := eq $training.allocator "ssvae" }}{{/* the others learn without labels */}}
{{- $folder := printf "/data/datasets/%s-%d-%d" $training.scenario (int64 $training.drops) (int64 $training.seed) }}
metadata:
  labels:
    app.kubernetes.io/name: rapp-training
    app.kubernetes.io/instance: {{ .Release.Name }}
    app.kubernetes.io/part-of: oran-slicing-suite
spec:
  restartPolicy: Never
  {{- include "oran.podSettings" . | nindent 2 }}
  {{- if eq .Values.storage.accessMode "ReadWriteOnce" }}
  affinity:
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "oran.selectorLabels" . | nindent 14 }}
  {{- end }}
  {{- if $labels }}
  initContainers:
    - name: dataset
      {{- include "rapp.trainingContainer" . | nindent 6 }}
      args:
        - dataset
        - {{ $folder }}
        - --scenario={{ $training.scenario }}
        - --num-drops={{ int64 $training.drops }}
        - --seed={{ int64 $training.seed }}
        - --workers={{ int64 $training.workers }}
  {{- end }}
  containers:
    - name: pipeline
      {{- include "rapp.trainingContainer" . | nindent 6 }}
      args:
        - pipeline
        {{- if $labels }}
        - {{ $folder }}
        {{- end }}
        - --allocator={{ $training.allocator }}
        - --preset={{ $training.preset }}
        - --scenario={{ $training.scenario }}
        - --against={{ $training.against }}
        - --num-drops={{ int64 $training.gateDrops }}
        - --seed={{ int64 $training.seed }}
        - --runs=/data/runs
        - --store=rapp.{{ include "oran.namespace" . }}:50051
        - --a1={{ include "rapp.a1" . }}
        - --policy-type={{ int64 $training.policyType }}
        {{- if .Values.signing.secretName }}
        - --signing-key=/keys/{{ .Values.signing.secretKey }}
        {{- end }}
  volumes:
    {{- include "rapp.dataVolume" . | nindent 4 }}
    {{- with .Values.signing.secretName }}
    - name: keys
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- include "oran.scratchVolume" . | nindent 4 }}
{{- end }}

{{- define "rapp.trainingContainer" -}}
image: {{ include "oran.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{ include "oran.containerSecurity" . }}
resources:
  {{- toYaml .Values.training.resources | nindent 2 }}
volumeMounts:
  - name: data
    mountPath: /data
  {{- if .Values.signing.secretName }}
  - name: keys
    mountPath: /keys
    readOnly: true
  {{- end }}
  {{- include "oran.scratchMount" . | nindent 2 }}
{{- end }}

{{/* Exit status 1 is the gate's or the xApp's refusal: the same again would be refused again. */}}
{{- define "rapp.refusalIsFinal" -}}
podFailurePolicy:
  rules:
    - action: FailJob
      onExitCodes:
        containerName: pipeline
        operator: In
        values: [1]
      onPodConditions: []  # some versions ask for the key
{{- end }}
