"""Takes up the trace a message carries, before its actor runs."""

from typing import Any

import dramatiq

from shared.broker.messages import TRACEPARENT
from shared.tracing import Trace, go_on_from


class TraceContext(dramatiq.Middleware):
    """Has what a worker thread runs go on from its message's `traceparent`, or from nowhere."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002, D102 - inherited
        options: dict[str, Any] = message.options
        go_on_from(Trace.read(options.get(TRACEPARENT)))
