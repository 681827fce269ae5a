"""The web on a socket that the supervisor holds: `python -m workers.web DESCRIPTOR`."""

import socket
import sys

import uvicorn


def main(descriptor: int) -> None:
    listening = socket.socket(fileno=descriptor)
    config = uvicorn.Config(
        "trackside.config.asgi:application",
        timeout_graceful_shutdown=3,  # open event streams never end by themselves
        access_log=False,
        log_level="warning",
        lifespan="off",
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(int(sys.argv[1]))
