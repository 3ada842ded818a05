#!/bin/sh
# Sets a vault up for a fleet in Kubernetes, and keeps what is there: the mount, the pepper, the policies, the roles.
# BAO_ADDR says where it is, BAO_TOKEN_FILE who asks, POLICIES where the policies are; KUBERNETES_CONFIG how a vault outside the
# cluster asks Kubernetes (deploy/vault/README.md).
set -eu

BAO_TOKEN=$(cat "$BAO_TOKEN_FILE")
export BAO_TOKEN

bao secrets list | grep -q '^secret/' || bao secrets enable -path=secret -version=2 kv
bao kv get -mount=secret fleet/pepper > /dev/null 2>&1 ||
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' | bao kv put -mount=secret -cas=0 fleet/pepper pepper=-

bao auth list | grep -q '^kubernetes/' || bao auth enable kubernetes
# shellcheck disable=SC2086 - a list of name=value
bao write auth/kubernetes/config ${KUBERNETES_CONFIG:-kubernetes_host=https://kubernetes.default.svc}
for role in front-door analyzer; do
    bao policy write "$role" "$POLICIES/$role.hcl"
    bao write "auth/kubernetes/role/$role" \
        bound_service_account_names="fleet-$role" bound_service_account_namespaces=fleet \
        token_policies="$role" token_no_default_policy=true token_ttl=1h token_max_ttl=24h
done
