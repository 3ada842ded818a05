# It unseals itself with a key beside it: right for one machine, where whoever may read the disk may read both.
# In production the key is kept elsewhere (an HSM, a cloud's KMS, or people).
storage "raft" {
  path    = "/vault/data"
  node_id = "fleet"
}

listener "tcp" {
  address     = "0.0.0.0:8200"
  tls_disable = true
}

seal "static" {
  current_key_id = "compose"
  current_key    = "file:///secrets/vault.seal"
}

api_addr     = "http://vault:8200"
cluster_addr = "http://vault:8201"
