{{/* Plain environment variables of a service, as a map: list of context, name, service. `env` wins over ours. */}}
{{- define "storyloom.environment" -}}
{{- $ := index . 0 }}{{ $name := index . 1 }}{{ $service := index . 2 }}
{{- $env := dict }}
{{- with $.Values.nats }}
{{- if .url }}{{ $_ := set $env "NATS_URL" .url }}{{ end }}
{{- if .subjectPrefix }}{{ $_ := set $env "NATS_SUBJECT_PREFIX" .subjectPrefix }}{{ end }}
{{- $_ := set $env "NATS_STREAM_REPLICAS" .streamReplicas }}
{{- end }}
{{- if has "store" $service.needs }}
{{- with $.Values.store }}
{{- if .endpoint }}{{ $_ := set $env "S3_ENDPOINT_URL" .endpoint }}{{ end }}
{{- if and .publicUrl (eq $name "api") }}{{ $_ := set $env "S3_PUBLIC_URL" .publicUrl }}{{ end }}
{{- $_ := set $env "S3_BUCKET" .bucket }}
{{- $_ := set $env "S3_REGION" .region }}
{{- end }}
{{- end }}
{{- range $provider := list "openai" "elevenlabs" }}
{{- if has $provider $service.needs }}
{{- with include "storyloom.providerUrl" (list $ $provider) }}{{ $_ := set $env (printf "%s_BASE_URL" (upper $provider)) . }}{{ end }}
{{- if eq "studio" (include "storyloom.provider" (list $ $provider)) }}{{ $_ := set $env (printf "%s_API_KEY" (upper $provider)) "studio" }}{{ end }}
{{- end }}
{{- end }}
{{- if $service.public }}
{{- $_ := set $env "TRUSTED_PROXIES" (toJson $.Values.expose.trustedProxies) }}
{{- /* Readiness is red for so long before listening ends: what proxies need to notice. */}}
{{- $_ := set $env "DRAIN_DELAY" 10 }}
{{- with $.Values.expose.host }}{{ $_ := set $env "PUBLIC_URL" (printf "https://%s" .) }}{{ end }}
{{- end }}
{{- if has "status" $service.needs }}{{ $_ := set $env "STATUS_URL" (printf "http://%s-status:8080" (include "storyloom.fullname" $)) }}{{ end }}
{{- if or $service.worker (eq $name "api") }}{{ $_ := set $env "JOB_TIMEOUT" $.Values.jobTimeout }}{{ end }}
{{- if $service.worker }}{{ $_ := set $env "DRAIN_SECONDS" $.Values.jobTimeout }}{{ end }}
{{- if eq $name "webhooks" }}{{ $_ := set $env "DRAIN_SECONDS" 20 }}{{ end }}
{{- with ($service.values | default dict).env }}{{ $env = mergeOverwrite $env . }}{{ end }}
{{- toJson $env -}}
{{- end }}

{{/* "studio" or "real": list of context and provider. */}}
{{- define "storyloom.provider" -}}
{{- if and (index . 0).Values.studio.enabled (not (index (index . 0).Values (index . 1)).existingSecret) }}studio{{ else }}real{{ end -}}
{{- end }}

{{/* A provider's base URL; empty: its own. List of context and provider. */}}
{{- define "storyloom.providerUrl" -}}
{{- if eq "studio" (include "storyloom.provider" .) -}}
http://{{ include "storyloom.fullname" (index . 0) }}-studio:8080{{ if eq (index . 1) "openai" }}/v1{{ end }}
{{- else }}{{ (index (index . 0).Values (index . 1)).baseUrl }}{{ end -}}
{{- end }}

{{/* The variables that come from Secrets, its own alone: list of context, name (a key of the Secrets) and needs. */}}
{{- define "storyloom.secretEnvironment" -}}
{{- $ := index . 0 }}{{ $name := index . 1 }}{{ $needs := index . 2 }}
{{- if has "database" $needs }}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {{ include "storyloom.ownKey" (list $.Values.database $name "DATABASE_URL") }}}
{{- end }}
{{- if and (has "nats" $needs) (not $.Values.nats.url) }}
- name: NATS_URL
  valueFrom: {secretKeyRef: {{ include "storyloom.ownKey" (list $.Values.nats $name "NATS_URL") }}}
{{- end }}
{{- if and (has "store" $needs) $.Values.store.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $.Values.store.existingSecret | quote }}, key: {{ $.Values.store.secretKeys.accessKeyId | quote }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $.Values.store.existingSecret | quote }}, key: {{ $.Values.store.secretKeys.secretAccessKey | quote }}}}
{{- end }}
{{- range $provider := list "openai" "elevenlabs" }}
{{- if and (has $provider $needs) (eq "real" (include "storyloom.provider" (list $ $provider))) }}
- name: {{ upper $provider }}_API_KEY
  valueFrom: {secretKeyRef: {name: {{ (index $.Values $provider).existingSecret | quote }}, key: {{ (index $.Values $provider).secretKey | quote }}}}
{{- end }}
{{- end }}
{{- end }}

{{/* Secret and key of one service's URL: list of `database` or `nats`, the service, and the key in a Secret of its own. */}}
{{- define "storyloom.ownKey" -}}
{{- $given := index . 0 }}{{ $name := index . 1 }}
{{- $key := ternary (index . 2) $name (contains "{service}" $given.existingSecret) -}}
{name: {{ $given.existingSecret | replace "{service}" $name | quote }}, key: {{ index $given.secretKeys $name | default $key | quote }}}
{{- end }}

{{/* `env` of a container: list of context, name, service. */}}
{{- define "storyloom.env" -}}
{{- range $variable, $value := include "storyloom.environment" . | fromJson }}
- {name: {{ $variable }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- include "storyloom.secretEnvironment" (list (index . 0) (index . 1) (index . 2).needs) }}
{{- end }}

{{/* What every pod has, restricted (Pod Security Standards): list of context and component. */}}
{{- define "storyloom.pod" -}}
serviceAccountName: {{ include "storyloom.fullname" (index . 0) }}-{{ index . 1 }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with (index . 0).Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: tmp
    emptyDir: {}
{{- end }}

{{/* What every container has. The user is the image's (10001), or the namespace's on OpenShift. */}}
{{- define "storyloom.container" -}}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Seconds that a pod has to end: list of context and service. */}}
{{- define "storyloom.grace" -}}
{{- $ := index . 0 }}{{ $service := index . 1 -}}
{{- $service.values.terminationGracePeriodSeconds | default (ternary (add $.Values.jobTimeout 30) 60 (default false $service.worker)) | int -}}
{{- end }}

{{/* Where pods go, by the values of a service. */}}
{{- define "storyloom.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
