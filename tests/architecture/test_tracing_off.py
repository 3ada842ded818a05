"""A process that traces nothing pays for nothing: what makes and sends spans is not even imported."""

import subprocess
import sys


def test_a_process_without_a_collector_imports_nothing_that_makes_or_sends_spans() -> None:
    script = (
        "import sys, services.producer.intake_main, services.scraper.main\n"
        "from shared.tracing.opening import tracing\n"
        "with tracing(None, process='scrape'): pass\n"
        "made_of = ('opentelemetry.sdk.trace', 'opentelemetry.exporter')\n"  # redis-py imports its metrics
        "sys.exit(any(name.startswith(made_of) for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
