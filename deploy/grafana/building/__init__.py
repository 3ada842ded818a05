"""The fleet's Grafana dashboards, made of Grafana's own builders: `make dashboards` writes them as JSON."""
