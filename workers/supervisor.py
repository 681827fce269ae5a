"""`make run`: starts every process, starts again what dies, and stops all of it in order.

Ours, not honcho's, which stops everything when one process exits; nor circus or supervisor, which
bring a daemon, sockets and a second configuration. What is needed is small: back-off per process,
the agent told to stop its jobs on Ctrl-C, the web's port held through a restart, and the promise
that no process stays behind. One thread only: the kernel's death signal follows the thread that
started a child, and this thread lives as long as the supervisor.
"""

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import FrameType

from trackside.config import env
from workers import fleet, premises, remains, valkey
from workers.child import Child, Part, die_with_parent, how, module
from workers.prefixed_log import PrefixedLog
from workers.probe import Probe

FIRST_TRIES = 4  # a web that never answered and died this often will not get well by itself


class Supervisor:
    def __init__(self, home: Path, host: str, port: int, log: PrefixedLog) -> None:
        self.home, self.log = home, log
        self.socket = premises.listen(host, port)
        self.port = int(self.socket.getsockname()[1])
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        self.probe = Probe(shown, self.port)
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"
        self.events = selectors.DefaultSelector()
        self.children: list[Child] = []
        self.ready = False
        self.signals = 0
        self.gave_up = ""
        self.fleet = fleet.read(env.text("TRACKSIDE_FLEET"))

    # --- life ---------------------------------------------------------------------------------

    def run(self) -> int:
        self._listen_to_signals()
        try:
            self._open()
            while not self.signals and not self.gave_up:
                self._step()
        finally:
            self._close()
        if self.gave_up:
            self.log.say(self.gave_up)
        return 1 if self.gave_up else 0

    def _open(self) -> None:
        folder = env.run_folder()
        if valkey.embedded():
            remains.end(env.home_id(), named="valkey-server")  # its last act removes the socket
            log = self.log.folder / "valkey.log"
            self._add(Part("valkey", valkey.command(folder, log)))
            if not valkey.wait(folder):
                self.gave_up = f"Valkey does not answer; see {log}."
                return
        if not self._prepare():
            return
        web = module("workers.web", str(self.socket.fileno()))
        self._add(Part("web", web, descriptors=(self.socket.fileno(),)))
        self._add(Part("scheduler", module("workers.scheduler")))
        faults = self.home / "faults.json"
        if self.fleet:
            fleet.write_faults(faults)
        for agent in fleet.agents(self.fleet, faults):
            self._add(agent)

    def _prepare(self) -> bool:
        """Tables, served files, the first administrator and project; the rest waits for it."""
        self.log.say("Preparing the database and the pages")
        child = self._add(Part("prepare", module("workers.prepare")))
        while child.alive and not self.signals:
            self._read(0.2)
        if self.signals:
            return False
        self._read(0)
        self.children.remove(child)
        code = child.code
        if code:
            log = self.log.folder / "prepare.log"
            self.gave_up = f"The preparation {how(code)}: see above and {log}."
        return not code

    def _step(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and not child.alive:
                self.log.say(child.ended(now))
                self._give_up_on(child)
            elif child.due is not None and child.due <= now:
                self._start(child)
        if not self.ready and self.probe.healthy(now):
            self.ready = True
            self.log.say(self._welcome())
        self._read(0.2)

    def _give_up_on(self, child: Child) -> None:
        if child.part.name == "web" and not self.ready and child.failures >= FIRST_TRIES:
            log = self.log.folder / "web.log"
            self.gave_up = f"The web process does not start: see above and {log}."

    def _welcome(self) -> str:
        admin = self.home / "admin.json"
        return (
            f"\nTrackside runs at {self.url}\n"
            f"Sign in with the user name and password in {admin}\n"
            "Ctrl-C stops it.\n"
        )

    def _close(self) -> None:
        """All at once but Valkey, which the others still need; then whatever is left of them."""
        self.log.say("Stopping; jobs that run wait for the next start. Ctrl-C again kills at once.")
        self.probe.close()
        self.socket.close()
        self._stop([child for child in self.children if child.part.name != "valkey"])
        self._stop(self.children)
        left = remains.end(env.home_id())
        self.log.say(f"Stopped{f', {left} leftover processes ended' if left else ''}.")

    # --- children -------------------------------------------------------------------------------

    def _add(self, part: Part) -> Child:
        child = Child(part, self._environment())
        self.children.append(child)
        self._start(child)
        return child

    def _start(self, child: Child) -> None:
        source = child.start(time.monotonic())
        self.events.register(source, selectors.EVENT_READ, child)

    def _environment(self) -> dict[str, str]:
        simulated = {"TRACKSIDE_FAKE_GPUS": fleet.label(self.fleet)} if self.fleet else {}
        return {
            **os.environ,
            **simulated,
            "DJANGO_SETTINGS_MODULE": "trackside.config.settings",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            "TRACKSIDE_HOME": str(self.home),
            "TRACKSIDE_HOME_ID": env.home_id(),
        }

    def _stop(self, children: list[Child]) -> None:
        now = time.monotonic()
        seen = self.signals
        for child in children:
            child.signal(child.part.stop)
        while any(child.alive for child in children):
            for child in children:
                if self.signals > max(seen, 1) or time.monotonic() > now + child.part.grace:
                    child.signal(signal.SIGKILL)
            self._read(0.05)
        self._read(0)

    def _read(self, wait: float) -> None:
        for key, _ in self.events.select(wait):
            if key.data is None:
                os.read(key.fd, 4096)
            else:
                self._read_child(key.data, key.fileobj)

    def _read_child(self, child: Child, source: object) -> None:
        if isinstance(source, FileIO) and not child.lines(source, self.log.line):
            self.events.unregister(source)
            source.close()

    # --- signals --------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        reading, writing = os.pipe()
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        self.events.register(reading, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1


def main() -> int:
    # Started by make: when make is killed, nobody is left to press Ctrl-C.
    if os.environ.get("MAKELEVEL"):
        die_with_parent(signal.SIGTERM, os.getppid())
    return _guarded(_run)


def _run() -> int:
    os.umask(0o077)
    premises.refuse_unsafe_settings()
    home = env.home()
    with premises.lock(home) as held:
        host = env.text("TRACKSIDE_HOST") or "127.0.0.1"
        supervisor = Supervisor(home, host, env.whole("PORT", 8000), PrefixedLog(home / "logs"))
        premises.name_holder(held, supervisor.url)
        return supervisor.run()


def _guarded(run: Callable[[], int]) -> int:
    try:
        return run()
    except (premises.CannotStart, env.BadEnvironment) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a sentence for the person at the terminal
        return 1


if __name__ == "__main__":
    sys.exit(main())
