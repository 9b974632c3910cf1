#!/bin/sh
# Starts Postgres as its official image does: with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, and with what lies in
# /docker-entrypoint-initdb.d, at the first start; then as the command says.
set -eu

data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data"
  export PGHOST=/tmp/first PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD"
  mkdir -p "$PGHOST"
  printf '%s' "$PGPASSWORD" >"$PGHOST/password"
  initdb --pgdata="$data" --username="$PGUSER" --pwfile="$PGHOST/password" --auth=scram-sha-256 --encoding=UTF8 \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --no-instructions
  rm "$PGHOST/password"
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  # Where nobody looks for it: it is not ready yet.
  pg_ctl --pgdata="$data" --wait --silent --options="-c listen_addresses= -c unix_socket_directories=$PGHOST" start
  createdb "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sql) psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" --file="$file" ;;
      *.sh) sh "$file" ;;
    esac
  done
  pg_ctl --pgdata="$data" --wait --silent --mode=fast stop
  unset PGHOST PGUSER PGPASSWORD
fi
exec "$@" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
