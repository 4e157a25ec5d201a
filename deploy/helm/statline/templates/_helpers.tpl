{{- define "statline.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selectors select by: it never changes, a Deployment's cannot. */}}
{{- define "statline.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "statline.labels" -}}
{{ include "statline.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "statline.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "statline.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* "true" when Kafka is spoken to by TLS. */}}
{{- define "statline.kafkaTLS" -}}
{{- with .Values.kafka.tls }}{{ if or .enabled .caSecret.name .certSecret }}true{{ end }}{{ end -}}
{{- end -}}

{{/* What the schema cannot say: values that need each other. */}}
{{- define "statline.checked" -}}
{{- $v := .Values -}}
{{- if not (or $v.image.tag $v.image.digest) -}}
{{- fail "image: got no tag and no digest; want one of them" -}}
{{- end -}}
{{- if and $v.console.tokenSecret.name (not $v.listen.tlsSecret) (not $v.console.insecure) -}}
{{- fail "console.tokenSecret: the console's token would go without TLS; set listen.tlsSecret, or console.insecure where something before it has TLS" -}}
{{- end -}}
{{- if and $v.console.write (not $v.console.tokenSecret.name) -}}
{{- fail "console.write: got no console.tokenSecret; set it too, or anybody could write" -}}
{{- end -}}
{{- $mechanism := $v.kafka.sasl.mechanism -}}
{{- if and $mechanism (ne $mechanism "aws-msk-iam") (or (not $v.kafka.sasl.user) (not $v.kafka.sasl.passwordSecret.name)) -}}
{{- fail (printf "kafka.sasl: %s needs user and passwordSecret" $mechanism) -}}
{{- end -}}
{{- if and (eq $mechanism "oauthbearer") (not $v.kafka.sasl.tokenUrl) -}}
{{- fail "kafka.sasl: oauthbearer needs tokenUrl" -}}
{{- end -}}
{{- if and $v.configSecret.name $v.config -}}
{{- fail "config, configSecret: got both; want one of them" -}}
{{- end -}}
{{- if $v.keda.enabled -}}
{{- if gt (int $v.keda.min) (int $v.keda.max) -}}
{{- fail (printf "keda: got min %d above max %d" (int $v.keda.min) (int $v.keda.max)) -}}
{{- end -}}
{{- if and (eq $mechanism "aws-msk-iam") (not $v.kafka.sasl.region) -}}
{{- fail "keda: aws-msk-iam needs kafka.sasl.region" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The secrets' files, as sources of one projected volume: it follows rotation. */}}
{{- define "statline.secretFiles" -}}
{{- $v := .Values -}}
{{- $single := list
  (list $v.hmacSecret "hmac-secret")
  (list $v.kafka.sasl.passwordSecret "kafka-password")
  (list $v.kafka.tls.caSecret "kafka-ca.crt")
  (list $v.clickhouse.passwordSecret "clickhouse-password")
  (list $v.clickhouse.tls.caSecret "clickhouse-ca.crt")
  (list $v.listen.tokenSecret "listen-token")
  (list $v.console.tokenSecret "console-token") -}}
{{- range $single }}
{{- $ref := index . 0 }}
{{- if $ref.name }}
- secret:
    name: {{ $ref.name | quote }}
    items: [{key: {{ $ref.key | quote }}, path: {{ index . 1 }}}]
{{- end }}
{{- end }}
{{- range list (list $v.kafka.tls.certSecret "kafka") (list $v.clickhouse.tls.certSecret "clickhouse") (list $v.listen.tlsSecret "listen") }}
{{- if index . 0 }}
- secret:
    name: {{ index . 0 | quote }}
    items: [{key: tls.crt, path: {{ index . 1 }}.crt}, {key: tls.key, path: {{ index . 1 }}.key}]
{{- end }}
{{- end }}
{{- end -}}

{{/* Settings that the chart must know. They beat those of the file. */}}
{{- define "statline.env" -}}
{{- $v := .Values -}}
{{- $dir := "/etc/statline/secrets" -}}
{{- $env := dict
  "BROKERS" (join "," $v.kafka.brokers)
  "GROUP" $v.kafka.group
  "CLICKHOUSE" $v.clickhouse.address
  "CLUSTER" $v.clickhouse.cluster
  "HMAC_SECRET_FILE" (printf "%s/hmac-secret" $dir)
  "LISTEN" (printf ":%d" (int $v.listen.port))
  "STOP_TIMEOUT" (printf "%ds" (int $v.stopTimeoutSeconds))
  "LOG_FORMAT" $v.logFormat
  "KAFKA_SASL" $v.kafka.sasl.mechanism
  "KAFKA_USER" $v.kafka.sasl.user
  "KAFKA_TOKEN_URL" $v.kafka.sasl.tokenUrl
  "KAFKA_SCOPES" (join "," $v.kafka.sasl.scopes)
  "KAFKA_REGION" $v.kafka.sasl.region
  "CONSOLE" (ternary "on" "off" (ne $v.console.tokenSecret.name ""))
  "CONSOLE_HOSTS" (join "," $v.console.hosts) -}}
{{- if $v.kafka.topicPattern }}{{ $_ := set $env "TOPIC_PATTERN" $v.kafka.topicPattern }}{{ else }}{{ $_ := set $env "TOPIC" (join "," $v.kafka.topics) }}{{ end -}}
{{- if include "statline.kafkaTLS" . }}{{ $_ := set $env "KAFKA_TLS" "true" }}{{ end -}}
{{- if $v.console.insecure }}{{ $_ := set $env "CONSOLE_INSECURE" "true" }}{{ end -}}
{{- if $v.console.write }}{{ $_ := set $env "CONSOLE_WRITE" "true" }}{{ end -}}
{{- range list
  (list $v.kafka.sasl.passwordSecret.name "KAFKA_PASSWORD_FILE" "kafka-password")
  (list $v.kafka.tls.caSecret.name "KAFKA_CA" "kafka-ca.crt")
  (list $v.kafka.tls.certSecret "KAFKA_CERT" "kafka.crt")
  (list $v.kafka.tls.certSecret "KAFKA_KEY" "kafka.key")
  (list $v.clickhouse.passwordSecret.name "CLICKHOUSE_PASSWORD_FILE" "clickhouse-password")
  (list $v.clickhouse.tls.caSecret.name "CLICKHOUSE_CA" "clickhouse-ca.crt")
  (list $v.clickhouse.tls.certSecret "CLICKHOUSE_CERT" "clickhouse.crt")
  (list $v.clickhouse.tls.certSecret "CLICKHOUSE_KEY" "clickhouse.key")
  (list $v.listen.tokenSecret.name "LISTEN_TOKEN_FILE" "listen-token")
  (list $v.listen.tlsSecret "LISTEN_CERT" "listen.crt")
  (list $v.listen.tlsSecret "LISTEN_KEY" "listen.key")
  (list $v.console.tokenSecret.name "CONSOLE_TOKEN_FILE" "console-token") }}
{{- if index . 0 }}{{ $_ := set $env (index . 1) (printf "%s/%s" $dir (index . 2)) }}{{ end -}}
{{- end -}}
{{- range $name, $value := $env }}
{{- if $value }}
- name: STATLINE_{{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end -}}
