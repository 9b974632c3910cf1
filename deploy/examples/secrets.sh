#!/usr/bin/env bash
# Prints the Secrets that no command of Storyloom's makes: Postgres' owner, the stores' keys, the providers' keys.
# For a first installation; later let something keep them (./external-secrets).
#
# Needs:  kubectl, and in the environment AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (of the stories' bucket); as long as you
#         do not run the studio OPENAI_API_KEY and ELEVENLABS_API_KEY; for another key of the backups' bucket
#         BACKUP_ACCESS_KEY_ID and BACKUP_SECRET_ACCESS_KEY.
# Apply:  deploy/examples/secrets.sh | kubectl apply --namespace storyloom --filename -
#
# The owner's password is made once and kept in secrets/, beside what `python -m ops deploy` keeps there.
set -euo pipefail

: "${AWS_ACCESS_KEY_ID:?set it: the key of the bucket for stories}"
: "${AWS_SECRET_ACCESS_KEY:?set it: the secret of that key}"
folder=${SECRETS_FOLDER:-secrets}
host=${DATABASE_HOST:-storyloom-postgres-rw}

umask 077
mkdir -p "$folder"
owner=$folder/database-owner
if [ ! -s "$owner" ]; then
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$owner"
fi
password=$(cat "$owner")

# Values reach kubectl by a file: a command's arguments can be read by everybody on the machine.
secret() { # name type; KEY=value lines on stdin
  echo "---"
  kubectl create secret generic "$1" --type "$2" --from-env-file=/dev/stdin --dry-run=client --output yaml
}

secret storyloom-postgres-owner kubernetes.io/basic-auth <<< "username=storyloom
password=$password"
secret storyloom-database-migrate Opaque <<< "DATABASE_URL=postgresql://storyloom:$password@$host:5432/storyloom?sslmode=require"
secret storyloom-postgres-backups Opaque <<< "ACCESS_KEY_ID=${BACKUP_ACCESS_KEY_ID:-$AWS_ACCESS_KEY_ID}
ACCESS_SECRET_KEY=${BACKUP_SECRET_ACCESS_KEY:-$AWS_SECRET_ACCESS_KEY}"
secret storyloom-store Opaque <<< "AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID
AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY"
for name in OPENAI_API_KEY ELEVENLABS_API_KEY; do
  if [ -n "${!name:-}" ]; then
    provider=$(tr '[:upper:]' '[:lower:]' <<< "${name%_API_KEY}")
    secret "storyloom-$provider" Opaque <<< "$name=${!name}"
  else
    echo "$name is not set, and its Secret not made: install with studio.enabled=true, or set it." >&2
  fi
done
