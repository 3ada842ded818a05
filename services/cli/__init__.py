"""The `fleet` command: what people and containers type, and the one place that knows every service.

A command reads its settings from the environment, or from the fleet on this machine that `--data` names, wires the
use cases it needs, prints what came of it, and ends with 0 (done), 1 (failed, and said so) or 2 (typed wrongly).
"""
