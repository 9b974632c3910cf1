{{/* The release's name, which all names begin with: cut, since with what follows it must have 63 characters at most. */}}
{{- define "storyloom.fullname" -}}
{{- ternary .Release.Name (printf "%s-storyloom" .Release.Name) (contains "storyloom" .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* What a selector has: list of context and component. */}}
{{- define "storyloom.selector" -}}
app.kubernetes.io/name: storyloom
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* All labels of a resource: list of context and component. */}}
{{- define "storyloom.labels" -}}
{{ include "storyloom.selector" . }}
app.kubernetes.io/part-of: storyloom
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Name, namespace and labels: list of context and component. */}}
{{- define "storyloom.metadata" -}}
name: {{ include "storyloom.fullname" (index . 0) }}-{{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels:
  {{- include "storyloom.labels" . | nindent 2 }}
{{- end }}

{{/* An image: list of context and component. A digest wins over the tag. */}}
{{- define "storyloom.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $name := printf "%s/storyloom-%s" (trimSuffix "/" $image.registry) (index . 1) -}}
{{- with index $image.digests (index . 1) }}{{ $name }}@{{ . }}
{{- else }}{{ $name }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ end -}}
{{- end }}

{{/*
What each service is: what it needs, and the port for clients where it has one. Everything else follows from this table:
environment, secrets, network, probes, scaling. Services get what they need and nothing more.
*/}}
{{- define "storyloom.services" -}}
api:       {needs: [database, nats, store, status], public: true}
status:    {needs: [database, nats], public: true}
webhooks:  {needs: [database, nats, internet]}
content:   {needs: [nats, store, openai], worker: true}
images:    {needs: [nats, store, openai], worker: true}
audio:     {needs: [nats, store, elevenlabs], worker: true}
documents: {needs: [nats, store, openai], worker: true}
{{- end }}

{{/* That table with the values of each service over the defaults. */}}
{{- define "storyloom.table" -}}
{{- $table := include "storyloom.services" . | fromYaml -}}
{{- range $name, $service := $table }}
{{- $_ := set $service "values" (mergeOverwrite (deepCopy $.Values.defaults) (deepCopy (index $.Values.services $name))) }}
{{- end }}
{{- toJson $table -}}
{{- end }}

{{/* The kinds and names of all resources that are rendered, without the release's name: what `patch` may name. */}}
{{- define "storyloom.resources" -}}
{{- $found := list "Job/migrate" "ServiceAccount/migrate" -}}
{{- if .Values.networkPolicy.enabled }}{{ $found = concat $found (list "NetworkPolicy/deny" "NetworkPolicy/migrate") }}{{ end -}}
{{- range $name, $service := include "storyloom.table" . | fromJson }}
{{- $found = concat $found (list (printf "Deployment/%s" $name) (printf "ServiceAccount/%s" $name) (printf "PodDisruptionBudget/%s" $name)) -}}
{{- if $service.public }}{{ $found = append $found (printf "Service/%s" $name) }}{{ end -}}
{{- if $.Values.networkPolicy.enabled }}{{ $found = append $found (printf "NetworkPolicy/%s" $name) }}{{ end -}}
{{- if $.Values.autoscaling.hpa }}{{ $found = append $found (printf "HorizontalPodAutoscaler/%s" $name) }}{{ end -}}
{{- if $.Values.autoscaling.keda }}{{ $found = append $found (printf "ScaledObject/%s" $name) }}{{ end -}}
{{- end }}
{{- if .Values.operators.enabled }}
{{- $found = concat $found (list "Deployment/ops" "ServiceAccount/ops") -}}
{{- if .Values.networkPolicy.enabled }}{{ $found = append $found "NetworkPolicy/ops" }}{{ end -}}
{{- end }}
{{- if .Values.studio.enabled }}
{{- $found = concat $found (list "Deployment/studio" "Service/studio" "ServiceAccount/studio") -}}
{{- if .Values.networkPolicy.enabled }}{{ $found = append $found "NetworkPolicy/studio" }}{{ end -}}
{{- end }}
{{- if eq .Values.expose.kind "httpRoute" }}{{ $found = append $found "HTTPRoute/public" }}{{ end -}}
{{- if eq .Values.expose.kind "ingress" }}{{ $found = append $found "Ingress/public" }}{{ end -}}
{{- if .Values.monitoring.podMonitor }}{{ $found = append $found "PodMonitor/pods" }}{{ end -}}
{{- if .Values.monitoring.rules }}
{{- range $path, $_ := .Files.Glob "observability/rules/*.yaml" }}{{ $found = append $found (printf "PrometheusRule/%s" (base $path | trimSuffix ".yaml")) }}{{ end -}}
{{- end }}
{{- if .Values.monitoring.dashboards }}
{{- range $path, $_ := .Files.Glob "observability/dashboards/*.json" }}{{ $found = append $found (printf "ConfigMap/%s" (base $path | trimSuffix ".json")) }}{{ end -}}
{{- end }}
{{- toJson (sortAlpha $found) -}}
{{- end }}
