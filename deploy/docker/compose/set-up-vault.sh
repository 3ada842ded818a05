#!/bin/sh
# Sets OpenBao up as deploy/vault/README.md does, and leaves each role's credentials where it alone sees them.
# Runs at every start and keeps what is there. SERVERS, FRONT_DOOR, ANALYZER and POLICIES name folders.
set -eu
umask 0022

is() { # is initialized|sealed true|false
    bao status -format=json 2> /dev/null | grep -q "\"$1\": *$2"
}

until is initialized true || is initialized false; do sleep 1; done
if is initialized false; then
    bao operator init -format=json -recovery-shares=1 -recovery-threshold=1 > "$SERVERS/vault.init"
    chmod 0400 "$SERVERS/vault.init"
fi
until is sealed false; do sleep 1; done

BAO_TOKEN=$(sed -n 's/.*"root_token": *"\([^"]*\)".*/\1/p' "$SERVERS/vault.init")
export BAO_TOKEN
until bao token lookup > /dev/null 2>&1; do sleep 1; done

bao secrets list | grep -q '^secret/' || bao secrets enable -path=secret -version=2 kv
bao kv get -mount=secret fleet/pepper > /dev/null 2>&1 ||
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' | bao kv put -mount=secret -cas=0 fleet/pepper pepper=-
bao auth list | grep -q '^approle/' || bao auth enable approle

credentials() { # credentials ROLE FOLDER
    bao policy write "$1" "$POLICIES/$1.hcl"
    bao write "auth/approle/role/$1" token_policies="$1" token_no_default_policy=true token_ttl=1h token_max_ttl=24h
    bao read -field=role_id "auth/approle/role/$1/role-id" > "$2/role.id"
    test -s "$2/secret.id" || bao write -force -field=secret_id "auth/approle/role/$1/secret-id" > "$2/secret.id"
}
credentials front-door "$FRONT_DOOR"
credentials analyzer "$ANALYZER"
