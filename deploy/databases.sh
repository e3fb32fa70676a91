#!/bin/sh
# Prefect's own database and role beside ours: run once by the postgres image, when the volume is new.
set -eu
password=$(cat /run/secrets/prefect_database_password)
psql --set=ON_ERROR_STOP=1 --set=password="$password" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE prefect LOGIN PASSWORD :'password';
CREATE DATABASE prefect OWNER prefect;
REVOKE CONNECT ON DATABASE prefect FROM PUBLIC;
SQL
