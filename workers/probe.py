"""Asks /healthz without waiting for the answer."""

import socket

PAUSE = 0.3  # seconds between two questions


class Probe:
    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.open: socket.socket | None = None
        self.next = 0.0

    def healthy(self, now: float) -> bool:
        """True once the web has answered 200; call it again and again."""
        if self.open is None and now < self.next:
            return False
        self.next = now + PAUSE
        try:
            asked = self.open or self._ask()
            answer = asked.recv(64)
        except BlockingIOError:
            return False
        except OSError:
            answer = b""
        self.close()
        return b" 200 " in answer

    def _ask(self) -> socket.socket:
        self.open = socket.create_connection(self.address, timeout=1)
        host = f"{self.address[0]}:{self.address[1]}"
        self.open.sendall(f"GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        self.open.setblocking(False)
        return self.open

    def close(self) -> None:
        if self.open is not None:
            self.open.close()
            self.open = None
