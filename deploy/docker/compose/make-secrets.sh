#!/bin/sh
# Makes what the servers and the fleet know each other by, once; on every later start it finds it made.
# SERVERS, FLEET, FRONT_DOOR and VAULT_DATA name folders; each process sees those it needs.
set -eu
umask 0022

made() { # made FILE: its text stays what it is, or becomes a new secret
    test -s "$1" || head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$1"
    cat "$1"
}

DATABASE=$(made "$SERVERS/postgres.password")
BROKER=$(made "$SERVERS/rabbitmq.password")
REDIS=$(made "$SERVERS/valkey.password")
made "$SERVERS/postgres-superuser.password" > /dev/null
made "$FRONT_DOOR/token.secret" > /dev/null
test -s "$SERVERS/vault.seal" || head -c 32 /dev/urandom > "$SERVERS/vault.seal"

printf 'default_user = fleet\ndefault_pass = %s\n' "$BROKER" > "$SERVERS/rabbitmq.conf"
printf 'requirepass %s\nappendonly yes\nmaxmemory-policy noeviction\ndir /data\n' "$REDIS" > "$SERVERS/valkey.conf"

printf 'postgresql://fleet:%s@postgres:5432/fleet' "$DATABASE" > "$FLEET/database.url"
printf 'amqp://fleet:%s@rabbitmq:5672/' "$BROKER" > "$FLEET/broker.url"
printf 'redis://:%s@valkey:6379/0' "$REDIS" > "$FLEET/redis.url"

chown 100:1000 "$VAULT_DATA"
