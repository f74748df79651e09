{{/* Services whose disks outlive their pods, those whose do not, and where each is asked how it is. */}}
{{- define "internode.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "internode.secretPrefix" -}}
{{ .Values.secretPrefix | default (include "internode.fullname" .) }}
{{- end }}

{{- define "internode.labels" -}}
{{ include "internode.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "internode.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of a pod: `root`, `name` of its service. */}}
{{- define "internode.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 30
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
{{- range . }}
  {{ .key | quote }}: {{ .value | quote }}
{{- end }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "internode.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "internode.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* The one container of a service: `root`, `name`, `port` that it is asked at. */}}
{{- define "internode.container" -}}
- name: {{ .name }}
  image: {{ include "internode.image" (dict "root" .root "image" .root.Values.image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [service, {{ .name }}]
  securityContext: {{- include "internode.containerSecurity" . | nindent 4 }}
  {{- with .root.Values.tracing.endpoint }}
  env:
    - { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
  {{- end }}
  ports:
    - { name: {{ .portName }}, containerPort: {{ .port }} }
    {{- if eq .name "p2p" }}
    - { name: peers, containerPort: 4100 }
    {{- end }}
  startupProbe:
    httpGet: { path: /healthz, port: {{ .portName }} }
    periodSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet: { path: /healthz, port: {{ .portName }} }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet: { path: /readyz, port: {{ .portName }} }
    periodSeconds: 5
    timeoutSeconds: 5
  resources: {{- toYaml (index .root.Values .name).resources | nindent 4 }}
  volumeMounts:
    - { name: settings, mountPath: /settings, readOnly: true }
    - { name: data, mountPath: /data }
    - { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "internode.volumes" -}}
- name: settings
  secret: { secretName: {{ include "internode.secretPrefix" .root }}-{{ .name }}, defaultMode: 0440 }
- name: tmp
  emptyDir: { medium: Memory, sizeLimit: 64Mi }
{{- end }}
