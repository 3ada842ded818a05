"""What the services stand on: the ledger, the broker, quotas, keys, egress, settings, logs and metrics."""
