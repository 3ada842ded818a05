#!/bin/sh
# Run by PostgreSQL's image when its data folder is new: the fleet's login, which is no superuser, and its database.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$(cat /secrets/postgres.password)" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE fleet LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE fleet OWNER fleet;
SQL
