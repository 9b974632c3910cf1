{{/* A resource with its patch: list of context, kind and name as `patch` has them, and the manifest. */}}
{{- define "storyloom.resource" -}}
{{- $patch := index (index . 0).Values.patch (index . 1) -}}
---
{{- if $patch }}
{{- $manifest := index . 2 | fromYaml }}
{{- include "storyloom.merge" (list $manifest $patch) }}
{{ toYaml $manifest }}
{{- else }}
{{ trim (index . 2) }}
{{- end }}
{{ end }}

{{/* Merge the second map into the first: maps by key, lists of named maps by name, anything else replaced; null removes. */}}
{{- define "storyloom.merge" -}}
{{- $into := index . 0 }}
{{- range $key, $value := index . 1 }}
{{- $old := index $into $key }}
{{- if kindIs "invalid" $value }}{{ $_ := unset $into $key }}
{{- else if and (kindIs "map" $value) (kindIs "map" $old) }}{{ include "storyloom.merge" (list $old $value) }}
{{- else if eq "named" (include "storyloom.named" (list $value $old)) }}
{{- $items := $old }}
{{- range $item := $value }}
{{- $known := false }}
{{- range $have := $old }}
{{- if eq $have.name $item.name }}{{ $known = true }}{{ include "storyloom.merge" (list $have $item) }}{{ end }}
{{- end }}
{{- if not $known }}{{ $items = append $items $item }}{{ end }}
{{- end }}
{{- $_ := set $into $key $items }}
{{- else }}{{ $_ := set $into $key $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* "named" where both are lists of maps that have a name. */}}
{{- define "storyloom.named" -}}
{{- $named := true }}
{{- range $list := . }}
{{- if not (kindIs "slice" $list) }}{{ $named = false }}
{{- else }}
{{- range $item := $list }}{{ if not (and (kindIs "map" $item) (hasKey $item "name")) }}{{ $named = false }}{{ end }}{{ end }}
{{- end }}
{{- end }}
{{- if $named }}named{{ end }}
{{- end }}
