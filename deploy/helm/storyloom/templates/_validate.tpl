{{/* What a schema cannot say. Each refusal is a sentence that says what to set. All are collected, and said at once. */}}
{{- define "storyloom.validate" -}}
{{- $wrong := list }}
{{- $values := .Values }}
{{- with $values.image }}
{{- if not .registry }}{{ $wrong = append $wrong "image.registry is missing: set it to where your images are, such as registry.example/team." }}{{ end }}
{{- if eq .tag "latest" }}{{ $wrong = append $wrong "image.tag is latest, which names another image every day: set a version, or image.digests." }}{{ end }}
{{- if hasSuffix ":latest" .registry }}{{ $wrong = append $wrong "image.registry ends in a tag: set image.tag instead." }}{{ end }}
{{- range $name, $digest := .digests }}
{{- if not (regexMatch "^sha256:[0-9a-f]{64}$" $digest) }}{{ $wrong = append $wrong (printf "image.digests.%s is no digest: it is sha256: and 64 hexadecimal digits." $name) }}{{ end }}
{{- end }}
{{- end }}
{{- if not $values.database.existingSecret }}{{ $wrong = append $wrong "database.existingSecret is missing: make a Secret with the keys api, status, webhooks, migrate and ops, each a URL of Postgres, and set its name." }}{{ end }}
{{- with $values.nats }}
{{- if and .url .existingSecret }}{{ $wrong = append $wrong "nats.url and nats.existingSecret are both set: leave out nats.url." }}{{ end }}
{{- if not (or .url .existingSecret) }}{{ $wrong = append $wrong "nats.existingSecret is missing: make a Secret with a key for each service, migrate and ops, each a URL of NATS, and set its name." }}{{ end }}
{{- if contains "@" .url }}{{ $wrong = append $wrong "nats.url holds a password: put the URL into a Secret and set nats.existingSecret." }}{{ end }}
{{- end }}
{{- if not $values.studio.enabled }}
{{- range $provider, $key := dict "openai" "OPENAI_API_KEY" "elevenlabs" "ELEVENLABS_API_KEY" }}
{{- if not (index $values $provider).existingSecret }}{{ $wrong = append $wrong (printf "%s.existingSecret is missing: make a Secret with the key %s and set its name, or set studio.enabled to try it out." $provider $key) }}{{ end }}
{{- end }}
{{- end }}
{{- if and $values.autoscaling.hpa $values.autoscaling.keda }}{{ $wrong = append $wrong "autoscaling.hpa and autoscaling.keda are both on, and would scale against each other: turn one off." }}{{ end }}
{{- if and $values.autoscaling.keda (not $values.nats.monitoring) }}{{ $wrong = append $wrong "nats.monitoring is missing: KEDA asks it, set it to host:port of NATS' monitoring, such as nats-headless.nats.svc:8222." }}{{ end }}
{{- range $name, $service := include "storyloom.table" . | fromJson }}
{{- $own := $service.values }}
{{- if gt (int $own.replicas) (int $own.maxReplicas) }}{{ $wrong = append $wrong (printf "services.%s.replicas (%d) is more than maxReplicas (%d): raise maxReplicas." $name (int $own.replicas) (int $own.maxReplicas)) }}{{ end }}
{{- $least := ternary (add $values.jobTimeout 30) 45 (default false $service.worker) | int }}
{{- if lt (include "storyloom.grace" (list $ $service) | int) $least }}{{ $wrong = append $wrong (printf "services.%s.terminationGracePeriodSeconds (%d) is too short: set at least %d%s." $name (int $own.terminationGracePeriodSeconds) $least (ternary ", jobTimeout and 30 more, or jobs are cut off that are paid for" "" (default false $service.worker))) }}{{ end }}
{{- range $variable, $_ := $own.env }}
{{- with include "storyloom.elsewhere" $variable }}{{ $wrong = append $wrong (printf "services.%s.env (or defaults.env) sets %s: set %s instead." $name $variable .) }}{{ end }}
{{- end }}
{{- end }}
{{- with $values.expose }}
{{- if and (ne .kind "none") (not .host) }}{{ $wrong = append $wrong "expose.host is missing: set the host name that clients use." }}{{ end }}
{{- if and (eq .kind "httpRoute") (not .parentRefs) }}{{ $wrong = append $wrong "expose.parentRefs is missing: name the Gateway, such as [{name: public, namespace: gateways}]." }}{{ end }}
{{- end }}
{{- if and $values.monitoring.rules (not (.Files.Glob "observability/rules/*.yaml")) }}{{ $wrong = append $wrong "monitoring.rules is on, and this chart holds none: turn it off." }}{{ end }}
{{- if and $values.monitoring.dashboards (not (.Files.Glob "observability/dashboards/*.json")) }}{{ $wrong = append $wrong "monitoring.dashboards is on, and this chart holds none: turn it off." }}{{ end }}
{{- $resources := include "storyloom.resources" . | fromJsonArray }}
{{- range $name, $_ := $values.patch }}
{{- if not (has $name $resources) }}{{ $wrong = append $wrong (printf "patch names %s, which is not rendered: there are %s." $name (join ", " $resources)) }}{{ end }}
{{- end }}
{{- if $wrong }}{{ fail (printf "\n\n  %s\n" (join "\n  " $wrong)) }}{{ end }}
{{- end }}

{{/* What to set instead of a variable that must not stand in `env`; empty for others. */}}
{{- define "storyloom.elsewhere" -}}
{{- $instead := dict "DATABASE_URL" "database.existingSecret" "NATS_URL" "nats.existingSecret" "OPENAI_API_KEY" "openai.existingSecret" "ELEVENLABS_API_KEY" "elevenlabs.existingSecret" "AWS_ACCESS_KEY_ID" "store.existingSecret" "AWS_SECRET_ACCESS_KEY" "store.existingSecret" "JOB_TIMEOUT" "jobTimeout" "DRAIN_SECONDS" "jobTimeout" "NATS_SUBJECT_PREFIX" "nats.subjectPrefix" "OPENAI_BASE_URL" "openai.baseUrl" "ELEVENLABS_BASE_URL" "elevenlabs.baseUrl" "S3_ENDPOINT_URL" "store.endpoint" "HTTP_PORT" "patch for Service and Deployment" "INTERNAL_PORT" "patch for Deployment" -}}
{{- index $instead . -}}
{{- end }}
