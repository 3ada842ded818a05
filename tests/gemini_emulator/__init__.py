"""An HTTP server that speaks Gemini's REST, with keys, real quotas, scripted faults and a journal of every request.

In Python: `with GeminiEmulator() as gemini: gemini.add_key(KEY); …; gemini.requests`. From a shell:
`python -m tests.gemini_emulator --port 9099 --key KEY`, then set FLEET_GEMINI_BASE_URL to the address it prints.
"""

from tests.gemini_emulator.faults import Fault
from tests.gemini_emulator.journal import Request, most_in_any_window
from tests.gemini_emulator.keys import KeyState
from tests.gemini_emulator.server import GeminiEmulator

__all__ = ["Fault", "GeminiEmulator", "KeyState", "Request", "most_in_any_window"]
