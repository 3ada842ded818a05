"""The producer's processes beside the API, as the command line starts them."""

from services.producer.dispatch_main import run_dispatcher
from services.producer.intake_main import run_intake

__all__ = ["run_dispatcher", "run_intake"]
