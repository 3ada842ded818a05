"""Wires and runs the API process."""

import signal
import socket

import uvicorn

from services.producer.api.app import create_app
from services.producer.front_door import FrontDoorSettings
from services.producer.settings import ApiSettings
from shared.errors import Misconfigured
from shared.identity.making import make_identity_provider
from shared.logs import configure_logs
from shared.settings import IdentitySettings, ProcessSettings, TokenSettings
from shared.tokens import TokenReader
from shared.tracing.opening import tracing


def run_api() -> int:
    """Serve the API and the live page until SIGTERM or SIGINT; the exit code.

    Raises:
        Misconfigured: a setting is missing or cannot be used, or the port is taken.
    """
    process = ProcessSettings.read()
    api = ApiSettings.read()
    tokens = TokenReader(TokenSettings.read().token_secret, make_identity_provider(IdentitySettings.read()))
    app = create_app(FrontDoorSettings.read(), tokens=tokens, max_body_bytes=api.api_max_body_bytes)
    configure_logs(process.log_level, process="api")
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,  # ours says the route, not the address
            log_config=None,
            server_header=False,
            proxy_headers=bool(api.api_proxies),
            forwarded_allow_ips=[str(proxy) for proxy in api.api_proxies],
            timeout_graceful_shutdown=api.api_graceful_s,
        )
    )
    with _listening(api.api_host, api.api_port) as listening, tracing(process.trace_endpoint, process="api"):
        _end_well()
        server.run(sockets=[listening])
    return 0 if server.started else 1


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(
            f"FLEET_API_HOST, FLEET_API_PORT: nothing can listen on {host} port {port} ({error.strerror})."
        ) from error


def _end_well() -> None:
    """Have a signal that uvicorn stopped for, and sends again when it is done, not end the process as killed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
