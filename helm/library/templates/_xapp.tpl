{{/* An xApp as the O-RAN-SC platform knows it: names, ports and variables are those of its own charts. */}}

{{- define "oran.xapp.name" -}}
ricxapp-{{ .Chart.Name }}
{{- end }}

{{/* service-ricxapp-<name>: the platform forms host names from it. */}}
{{- define "oran.xapp.service" -}}
service-{{ include "oran.namespace" . }}-{{ .Chart.Name }}
{{- end }}

{{/* app: what the platform's own charts select by; xapp: what dashboards and alerts tell xApps apart by. */}}
{{- define "oran.xapp.labels" -}}
{{ include "oran.labels" . }}
app: {{ include "oran.xapp.name" . }}
xapp: {{ .Chart.Name }}
{{- end }}

{{- define "oran.xapp.a1Rmr" -}}
{{- $ns := .Values.platform.namespace -}}
{{ .Values.platform.a1Rmr | default (printf "service-%s-a1mediator-rmr.%s:4562" $ns $ns) }}
{{- end }}

{{/* The descriptor with the values' controls in it. */}}
{{- define "oran.xapp.configFile" -}}
{{- $descriptor := .Files.Get "config-file.json" | fromJson -}}
{{- $_ := set $descriptor "controls" (merge (deepCopy .Values.controls) ($descriptor.controls | default dict)) -}}
{{ toPrettyJson $descriptor }}
{{- end }}

{{- define "oran.xapp.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: configmap-{{ include "oran.xapp.name" . }}-appconfig
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
data:
  config-file.json: |
    {{- include "oran.xapp.configFile" . | nindent 4 }}
  schema.json: |
    {{- .Files.Get "schema.json" | nindent 4 }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: configmap-{{ include "oran.xapp.name" . }}-routes
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
data:
  # Tables are pushed to registered xApps only, and registering needs RMR to be ready: the seed ends that deadlock.
  seed.rt: |
    newrt|start
    mse|20011|-1|{{ include "oran.xapp.a1Rmr" . }}
    mse|20012|-1|{{ include "oran.xapp.a1Rmr" . }}
    newrt|end|2
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: configmap-{{ include "oran.xapp.name" . }}-appenv
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
data:
  {{- include "oran.xapp.environment" . | nindent 2 }}
{{- end }}

{{- define "oran.xapp.environment" -}}
CONFIG_FILE: /opt/ric/config/config-file.json
XAPP_DESCRIPTOR_PATH: /opt/ric/config
RMR_SEED_RT: /opt/route/seed.rt
RMR_STASH_RT: /tmp/received.rt
RMR_RTG_SVC: {{ .Values.platform.routeManager | quote }}
RMR_SRC_ID: {{ include "oran.xapp.service" . }}-rmr.{{ include "oran.namespace" . }}
PLT_NAMESPACE: {{ .Values.platform.namespace }}
APP_NAMESPACE: {{ include "oran.namespace" . }}
{{- if not .Values.platform.dbaas.configMap }}
DBAAS_SERVICE_HOST: {{ include "oran.xapp.dbaasHost" . }}
DBAAS_SERVICE_PORT: {{ .Values.platform.dbaas.port | quote }}
DBAAS_PORT_6379_TCP_ADDR: {{ include "oran.xapp.dbaasHost" . }}
DBAAS_PORT_6379_TCP_PORT: {{ .Values.platform.dbaas.port | quote }}
{{- end }}
{{- with .Values.modelStore }}
XAPP_MODEL_STORE: {{ . }}
{{- end }}
{{- with .Values.platform.appManagerUrl }}
XAPP_APP_MANAGER_URL: {{ . }}
{{- end }}
{{- with .Values.platform.subscriptionManagerUrl }}
XAPP_SUBSCRIPTION_MANAGER_URL: {{ . }}
{{- end }}
{{- with .Values.platform.nodeManagerUrl }}
XAPP_NODE_MANAGER_URL: {{ . }}
{{- end }}
XAPP_A1_RMR: {{ include "oran.xapp.a1Rmr" . }}
{{- end }}

{{- define "oran.xapp.dbaasHost" -}}
{{- $ns := .Values.platform.namespace -}}
{{ .Values.platform.dbaas.host | default (printf "service-%s-dbaas-tcp.%s" $ns $ns) }}
{{- end }}

{{- define "oran.xapp.services" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "oran.xapp.service" . }}-http
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
    oran-slicing/scrape: "true"
spec:
  selector:
    {{- include "oran.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: 8080
      targetPort: http
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "oran.xapp.service" . }}-rmr
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
spec:
  # an xApp that is not ready must be reached by route tables all the same
  publishNotReadyAddresses: true
  selector:
    {{- include "oran.selectorLabels" . | nindent 4 }}
  ports:
    - name: rmrdata
      port: 4560
      targetPort: rmrdata
    - name: rmrroute
      port: 4561
      targetPort: rmrroute
{{- end }}

{{- define "oran.xapp.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "oran.xapp.name" . }}
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
spec:
  replicas: 1
  # Two pods under one service name would both subscribe, and the one that leaves would deregister the other.
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- include "oran.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "oran.xapp.labels" . | nindent 8 }}
      annotations:
        checksum/config: {{ include "oran.xapp.configMap" . | sha256sum }}
        {{- include "oran.podAnnotations" (dict "root" . "port" "8080" "path" "/ric/v1/metrics") | nindent 8 }}
    spec:
      hostname: {{ .Chart.Name }}
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      {{- include "oran.podSettings" . | nindent 6 }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "oran.image" . }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          {{- include "oran.containerSecurity" . | nindent 10 }}
          envFrom:
            - configMapRef:
                name: configmap-{{ include "oran.xapp.name" . }}-appenv
            {{- with .Values.platform.dbaas.configMap }}
            - configMapRef:
                name: {{ . }}
            {{- end }}
          {{- with .Values.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: http
              containerPort: 8080
            - name: rmrdata
              containerPort: 4560
            - name: rmrroute
              containerPort: 4561
          {{- include "oran.probes" (dict "values" .Values.probes "port" "http" "alive" "/ric/v1/health/alive" "ready" "/ric/v1/health/ready") | nindent 10 }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts:
            - name: config
              mountPath: /opt/ric/config
              readOnly: true
            - name: routes
              mountPath: /opt/route
              readOnly: true
            {{- include "oran.scratchMount" . | nindent 12 }}
      volumes:
        - name: config
          configMap:
            name: configmap-{{ include "oran.xapp.name" . }}-appconfig
        - name: routes
          configMap:
            name: configmap-{{ include "oran.xapp.name" . }}-routes
        {{- include "oran.scratchVolume" . | nindent 8 }}
{{- end }}

{{- define "oran.xapp.networkPolicy" -}}
{{- if .Values.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "oran.xapp.name" . }}
  namespace: {{ include "oran.namespace" . }}
  labels:
    {{- include "oran.xapp.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "oran.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        {{- include "oran.namespacePeer" .Values.platform.namespace | nindent 8 }}
        {{- include "oran.namespacePeer" (include "oran.namespace" .) | nindent 8 }}
      ports:
        - port: http
        - port: rmrdata
        - port: rmrroute
    # monitoring, and the rApp, which reads the evidence of a roll-out
    {{- with concat .Values.networkPolicy.monitoringNamespaces .Values.networkPolicy.egressNamespaces }}
    - from:
        {{- range . }}
        {{- include "oran.namespacePeer" . | nindent 8 }}
        {{- end }}
      ports:
        - port: http
    {{- end }}
  egress:
    {{- include "oran.dnsEgress" . | nindent 4 }}
    - to:
        {{- include "oran.namespacePeer" .Values.platform.namespace | nindent 8 }}
        {{- include "oran.namespacePeer" (include "oran.namespace" .) | nindent 8 }}
        {{- range .Values.networkPolicy.egressNamespaces }}
        {{- include "oran.namespacePeer" . | nindent 8 }}
        {{- end }}
{{- end }}
{{- end }}

{{- define "oran.xapp.test" -}}
{{- $url := printf "http://%s-http.%s:8080" (include "oran.xapp.service" .) (include "oran.namespace" .) }}
{{- $metrics := printf "%s/ric/v1/metrics" $url }}
{{- $checks := list
  (printf "%s/ric/v1/health/alive" $url)
  (printf "%s/ric/v1/health/ready" $url)
  (printf "%s ricxapp_registered 1" $metrics)
  (printf "%s ricxapp_e2_nodes %v" $metrics .Values.tests.e2Nodes) }}
{{- include "oran.testPod" (dict "root" . "checks" $checks) }}
{{- end }}

{{- define "oran.xapp.notes" -}}
xApp {{ .Chart.Name }} {{ .Chart.AppVersion }} is being started in namespace {{ include "oran.namespace" . }}.
{{- if ne (include "oran.namespace" .) "ricxapp" }}

The platform's subscription manager, route manager and app manager look for xApps in the namespace ricxapp:
install it there unless your platform was built for another.
{{- end }}

Wait until it is registered, then check the whole path to the E2 nodes:

  kubectl -n {{ include "oran.namespace" . }} rollout status deployment/{{ include "oran.xapp.name" . }}
  helm test {{ .Release.Name }} -n {{ .Release.Namespace }} --logs

What it does right now:

  kubectl -n {{ include "oran.namespace" . }} port-forward service/{{ include "oran.xapp.service" . }}-http 8080 &
  curl -s http://127.0.0.1:8080/ric/v1/state
{{- end }}

{{- define "oran.xapp.serviceMonitor" -}}
{{- include "oran.serviceMonitor" (dict "root" . "port" "http" "path" "/ric/v1/metrics") }}
{{- end }}
