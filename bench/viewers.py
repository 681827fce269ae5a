"""Many readers of a live stream in one process, for `bench.live_viewers`.

`python -m bench.viewers SOCKET COOKIE JOB SEQ READERS MUTE`: connects, says so on stdout, and at a
line on stdin (the file with the times of the commits, by event number) tells what arrived when.
Readers that are mute never read.
"""

import asyncio
import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any

ID = re.compile(rb"id: (?:job:\d+@)?(\d+)\n")
AT_ONCE = 50


class Reader(asyncio.Protocol):
    """Counts what comes; a number that is not the next one is lost or doubled."""

    def __init__(self, request: bytes, seq: int, mute: bool) -> None:
        self.request, self.seq, self.mute = request, seq, mute
        self.arrived: list[tuple[int, float]] = []
        self.lost = self.doubled = self.resyncs = 0
        self.open = asyncio.get_running_loop().create_future()
        self.ended = False
        self.rest = b""

    def connection_made(self, transport: Any) -> None:
        if self.mute:
            transport.pause_reading()
            self.open.set_result(True)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if not self.open.done():
            self.open.set_result(b" 200 " in data[:20])
        self.resyncs += data.count(b"event: resync")
        data = self.rest + data
        end = 0
        for found in ID.finditer(data):
            seq, end = int(found.group(1)), found.end()
            self.lost += max(0, seq - self.seq - 1)
            self.doubled += seq <= self.seq
            self.seq = max(seq, self.seq)
            self.arrived.append((seq, now))
        self.rest = data[end:][-60:]

    def connection_lost(self, problem: Exception | None) -> None:
        self.ended = True


async def main(path: str, cookie: str, job: str, seq: int, readers: int, mute: int) -> None:
    loop = asyncio.get_running_loop()
    request = (
        f"GET /live/?t=job:{job}&last=job:{job}@{seq} HTTP/1.1\r\nHost: localhost\r\n"
        f"Accept: text/event-stream\r\nCookie: trackside={cookie}\r\n\r\n"
    ).encode()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(quiet: bool) -> Reader:
        async with gate:
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            await loop.sock_connect(sock, path)
            if quiet:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            _, protocol = await loop.create_connection(
                lambda: Reader(request, seq, quiet), sock=sock
            )
            assert await asyncio.wait_for(protocol.open, 120), "refused"
            return protocol

    began = time.time()
    plan = [n < mute for n in range(readers + mute)]
    all_of_them = await asyncio.gather(*(one(quiet) for quiet in plan))
    print(json.dumps({"seconds": time.time() - began}), flush=True)
    line = await loop.run_in_executor(None, sys.stdin.readline)
    told = json.loads(Path(line.strip()).read_text())
    commits = {int(number): at for number, at in told.items()}
    print(json.dumps(summary([one for one in all_of_them if not one.mute], commits)), flush=True)


def summary(readers: list[Reader], commits: dict[int, float]) -> dict[str, Any]:
    waits = sorted(
        1000 * (at - commits[seq]) for one in readers for seq, at in one.arrived if seq in commits
    )
    last = max(commits)
    return {
        "events": len(waits),
        "p50": waits[len(waits) // 2],
        "p99": waits[len(waits) * 99 // 100],
        "most": waits[-1],
        "lost": sum(one.lost for one in readers),
        "behind": sum(one.seq < last for one in readers),
        "doubled": sum(one.doubled for one in readers),
        "resyncs": sum(one.resyncs for one in readers),
        "ended": sum(one.ended for one in readers),
    }


if __name__ == "__main__":
    where, key, number, first, many, silent = sys.argv[1:]
    asyncio.run(main(where, key, number, int(first), int(many), int(silent)))
