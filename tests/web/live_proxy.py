"""A proxy before the live server, as one finds them: good, holding streams back, cutting them."""

import selectors
import socket
import threading
from contextlib import suppress
from pathlib import Path

# What the page's line waits for; the same number of bytes each.
SOONER = {b"SHUT = 10000;": b"SHUT =  3000;", b"AGAIN = [15000,": b"AGAIN = [ 8000,"}


class Proxy:
    """Each connection of a browser in a thread; `mode` is good, holds or refuses."""

    def __init__(self, behind: Path) -> None:
        self.behind = behind
        self.mode = "good"
        self.hurries = False  # the page's line waits for seconds instead of half a minute
        self.hurried: set[bytes] = set()
        self.asked: list[str] = []  # what each request for live events wanted: stream, once
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.pairs: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks."""
        for one in list(self.pairs):
            with suppress(OSError):  # it broke by itself
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        with browser, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self.behind))
            both = {browser, server}
            self.pairs |= both
            with suppress(OSError):
                self._pass_on(browser, server)
            self.pairs -= both

    def _pass_on(self, browser: socket.socket, server: socket.socket) -> None:
        held = False
        with selectors.DefaultSelector() as events:
            events.register(browser, selectors.EVENT_READ)
            events.register(server, selectors.EVENT_READ)
            while True:
                for key, _ in events.select():
                    data = key.fileobj.recv(2**16)  # type: ignore[union-attr]
                    if not data:
                        return
                    if key.fileobj is browser:
                        held = self._look(data)
                        if self.hurries:
                            data = data.replace(b"Accept-Encoding:", b"X-Accept-Encoding:")
                        if held and self.mode == "refuses":
                            browser.sendall(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")
                            continue
                        server.sendall(data)
                    elif not held:
                        browser.sendall(self._hurry(data) if self.hurries else data)

    def _hurry(self, data: bytes) -> bytes:
        self.hurried |= {one for one in SOONER if one in data}
        for long, short in SOONER.items():
            data = data.replace(long, short)
        return data

    def _look(self, data: bytes) -> bool:
        """Whether this request's answer is kept from the browser."""
        if not data.startswith(b"GET /live/"):
            return False
        stream = b"text/event-stream" in data
        self.asked.append("stream" if stream else "once")
        return stream and self.mode != "good"
