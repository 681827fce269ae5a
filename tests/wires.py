"""Network namespaces with a switch between them, for the machines of `tests/machines.py`."""

import os
import shutil
import subprocess

from tests import postgres

SUBNET = "10.77.0"
SERVICES = f"{SUBNET}.1"


def possible() -> str:
    """Why network namespaces cannot be made here; empty when they can."""
    if os.geteuid() != 0:
        return "Network namespaces need root."
    missing = [one for one in ("ip", "nsenter", "setpriv") if shutil.which(one) is None]
    if missing:
        return f"{' and '.join(missing)} is not installed (iproute2, util-linux)."
    if postgres.binaries() is None:
        return "Postgres is not installed."
    name = f"ts{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"Network namespaces are not permitted here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def inside(space: str, *command: object) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{space}", *map(str, command)]


def wire(spaces: dict[str, str]) -> None:
    """A switch in `svc`, a cable to each machine."""
    for space in spaces.values():
        ip("netns", "add", space)
        ip("-n", space, "link", "set", "lo", "up")
    svc = spaces["svc"]
    ip("-n", svc, "link", "add", "br0", "type", "bridge")
    ip("-n", svc, "addr", "add", f"{SERVICES}/24", "dev", "br0")
    ip("-n", svc, "link", "set", "br0", "up")
    for number, space in enumerate(space for name, space in spaces.items() if name != "svc"):
        port = f"p{number}"
        ip("-n", svc, "link", "add", port, "type", "veth", "peer", "name", "e0", "netns", space)
        ip("-n", svc, "link", "set", port, "master", "br0", "up")
        ip("-n", space, "addr", "add", f"{SUBNET}.{11 + number}/24", "dev", "e0")
        ip("-n", space, "link", "set", "e0", "up")


def remove(spaces: list[str]) -> None:
    for space in spaces:
        subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
