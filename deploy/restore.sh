#!/bin/sh
# Restore what deploy/backup.sh has written, with all services stopped: deploy/restore.sh FOLDER
# Needs pg_restore, DATABASE_URL of a role that owns the tables or may make them, NATS_URL and the store's variables.
# What the database holds is replaced. Safe to run again.
set -eu
folder=${1:?"usage: $0 FOLDER"}
pg_restore --clean --if-exists --no-owner --no-privileges --exit-on-error --single-transaction \
  --dbname "$DATABASE_URL" "$folder/storyloom.dump"
"${PYTHON:-python}" -m ops objects import "$folder/objects"
"${PYTHON:-python}" -m ops migrate
