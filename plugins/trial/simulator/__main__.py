"""`python -m plugins.trial.simulator`: serve the simulated provider on the loopback interface."""

import argparse
import os
import socket
from pathlib import Path

import uvicorn

from plugins.trial.lifeline import die_with_parent
from plugins.trial.simulator.app import create_app


def main() -> None:
    """Serve until SIGTERM or SIGINT. The port is written to --port-file once connections are accepted."""
    options = _options()
    if not options.detached:
        die_with_parent(os.getppid())
    app = create_app(speed=options.speed, api_keys=options.api_key)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        backlog=4096,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    with socket.create_server((options.host, options.port), backlog=4096) as listener:
        if options.port_file is not None:
            _write_port(options.port_file, listener.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listener])


def _write_port(port_file: Path, port: int) -> None:
    """Write it at once and whole: whoever waits for the file must not read half a number."""
    draft = port_file.with_name(f"{port_file.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    draft.replace(port_file)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.trial.simulator", description="A simulated OpenAI-compatible provider."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--port-file", type=Path, help="where to write the port")
    parser.add_argument("--speed", type=float, default=1.0, help="multiplies all latencies; 0 is none")
    parser.add_argument("--api-key", action="append", default=[], help="accept only this key; may be repeated")
    parser.add_argument("--detached", action="store_true", help="go on when the parent process ends")
    return parser.parse_args()


if __name__ == "__main__":
    main()
