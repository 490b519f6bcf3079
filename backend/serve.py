"""`python -m backend.serve`: REST interface and page alone, brought up to the present schema first.

For containers: workers, broker and queue maintenance are processes of their own there.
"""

from __future__ import annotations

import sys

import uvicorn

from backend.header_deadline import HeaderDeadlineProtocol
from backend.logs import configure_logs
from backend.main import create_app
from backend.migrate import migrate
from backend.settings import load_settings
from backend.start_error import StartError
from backend.startup_checks import bind_socket, refuse_strangers


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    try:
        settings = load_settings()
        listener = bind_socket(settings.host, settings.port)
        migrate(settings)
        refuse_strangers(settings)
    except StartError as error:
        sys.exit(f"The service cannot start: {error}")
    configure_logs(settings.log_format, settings.log_level or "INFO")
    config = uvicorn.Config(
        create_app(settings),
        http=HeaderDeadlineProtocol,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
