# The analyzer reads users' keys and changes nothing.
path "secret/data/fleet/users/+/gemini" {
  capabilities = ["read"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
