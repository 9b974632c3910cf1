#!/bin/sh
# Back up Storyloom, while it runs: deploy/backup.sh FOLDER
# Needs pg_dump of Postgres' own version or newer; DATABASE_URL (Postgres itself, no pooler) and the store's variables.
# The dump comes first: whatever its rows name is in the store by then, and stays there for STALE_OBJECT_GRACE at least.
# NATS is not backed up: it is made anew from the rows.
set -eu
folder=${1:?"usage: $0 FOLDER"}
mkdir -p "$folder"
pg_dump --format=custom --no-owner --no-privileges --file "$folder/storyloom.dump.partial" "$DATABASE_URL"
mv "$folder/storyloom.dump.partial" "$folder/storyloom.dump"
"${PYTHON:-python}" -m ops objects export "$folder/objects"
