# The front door puts users' keys in and takes them out. It cannot read them: there is no "read" here.
path "secret/data/fleet/users/+/gemini" {
  capabilities = ["create", "update"]
}

# Removing a key destroys it with all its versions, which is done on the metadata.
path "secret/metadata/fleet/users/+/gemini" {
  capabilities = ["delete"]
}

# The pepper of fingerprints, so that a key is recognised without being kept.
path "secret/data/fleet/pepper" {
  capabilities = ["read"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
