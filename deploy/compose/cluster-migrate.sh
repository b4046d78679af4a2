#!/bin/bash
# Applies the migrations that the cluster does not have yet, each with its row in the table that the Supabase CLI uses too.
set -euo pipefail
query() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }
query --command "create schema if not exists supabase_migrations" \
  --command "create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text)"
for file in /alta/migrations/*.sql; do
  base=$(basename "$file" .sql)
  version=${base%%_*}
  [ -n "$(query --command "select 1 from supabase_migrations.schema_migrations where version = '$version'")" ] && continue
  query --single-transaction --file "$file" \
    --command "insert into supabase_migrations.schema_migrations (version, name) values ('$version', '${base#*_}')"
  echo "applied $base"
done
