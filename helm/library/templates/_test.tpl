{{/* A pod of `helm test`: the chart's own image runs check.py. Takes (dict "root" . "checks" LIST), see check.py. */}}
{{- define "oran.testPod" -}}
{{- $root := .root }}
{{- if $root.Values.tests.enabled }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $root.Chart.Name }}-test
  namespace: {{ include "oran.namespace" $root }}
  labels:
    {{- include "oran.labels" $root | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-weight: "-1"
    helm.sh/hook-delete-policy: before-hook-creation
data:
  check.py: |
    {{- include "oran.check" . | nindent 4 }}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ $root.Chart.Name }}-test
  namespace: {{ include "oran.namespace" $root }}
  labels:
    app.kubernetes.io/name: {{ $root.Chart.Name }}-test
    app.kubernetes.io/instance: {{ $root.Release.Name }}
    app.kubernetes.io/part-of: oran-slicing-suite
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  {{- include "oran.podSettings" $root | nindent 2 }}
  containers:
    - name: check
      image: {{ include "oran.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: ["python3", "/check/check.py", {{ $root.Values.tests.timeoutSeconds | quote }}]
      args: {{ toJson .checks }}
      {{- include "oran.containerSecurity" $root | nindent 6 }}
      resources:
        requests: {cpu: 50m, memory: 64Mi}
        limits: {memory: 128Mi}
      volumeMounts:
        - name: check
          mountPath: /check
          readOnly: true
  volumes:
    - name: check
      configMap:
        name: {{ $root.Chart.Name }}-test
{{- end }}
{{- end }}

{{- define "oran.check" -}}
"""Checks of a release: `check.py SECONDS CHECK...`; CHECK is `URL` (answers 200) or `URL NAME MINIMUM`
(a metric there, summed over its labels, reaches the minimum). Tries until all hold or the time is over."""
import sys
import time
import urllib.error
import urllib.request


def fault(check):
    """What is wrong, or an empty string."""
    url, *wanted = check.split()
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except (OSError, urllib.error.URLError) as error:
        return str(error)
    if not wanted:
        return ""
    name, minimum = wanted
    lines = [line for line in text.splitlines() if line.startswith((name + " ", name + "{"))]
    if not lines:
        return "there is no metric " + name
    total = sum(float(line.rsplit(" ", 1)[1]) for line in lines)
    return "" if total >= float(minimum) else "%s is %g, not %s" % (name, total, minimum)


def main():
    deadline_s = time.monotonic() + float(sys.argv[1])
    left = {check: "not tried" for check in sys.argv[2:]}
    while left and time.monotonic() < deadline_s:
        left = {check: why for check in left if (why := fault(check))}
        time.sleep(1.0 if left else 0.0)
    for check in sys.argv[2:]:
        print("FAILED" if check in left else "ok", check, left.get(check, ""))
    return 1 if left else 0


sys.exit(main())
{{- end }}
