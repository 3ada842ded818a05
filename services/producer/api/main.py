"""Wires and runs the API process."""

import uvicorn

from services.producer.api.app import create_app
from services.producer.front_door import FrontDoorSettings
from services.producer.settings import ApiSettings
from shared.logs import configure_logs
from shared.settings import ProcessSettings, TokenSettings
from shared.tokens import TokenReader


def run_api() -> int:
    """Serve the API and the live page until SIGTERM or SIGINT; the exit code.

    Raises:
        Misconfigured: a setting is missing or cannot be used.
    """
    process = ProcessSettings.read()
    api = ApiSettings.read()
    tokens = TokenReader(TokenSettings.read().token_secret)
    app = create_app(FrontDoorSettings.read(), tokens=tokens, max_body_bytes=api.api_max_body_bytes)
    configure_logs(process.log_level, process="api")
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=api.api_host,
            port=api.api_port,
            access_log=False,  # ours says the route, not the address
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=api.api_graceful_s,
        )
    )
    server.run()
    return 0 if server.started else 1
