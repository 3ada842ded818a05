"""What tests of rules and dashboards share: which metrics there are, and which a text speaks of."""

import importlib
import re


def metrics_named_in(text: str) -> set[str]:
    """The fleet's metrics a text speaks of; a histogram's parts are the histogram."""
    named = re.findall(r"\bfleet_[a-z_]+[a-z]\b(?=[\s`{\[)]|$)", text)
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}


def known_metrics() -> set[str]:
    declared = vars(importlib.import_module("shared.metrics")).values()
    return {
        metric._name + ("_total" if metric._type == "counter" else "")
        for metric in declared
        if hasattr(metric, "_labelnames")
    }
