"""Where other nodes reach this one: the address on which ranks of a job on several nodes meet.

TRACKSIDE_ADDRESS and TRACKSIDE_INTERFACE say it. Without them it is the way on which this machine
reaches the database, else the broker; on one machine alone it is the loopback.
"""

import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.db import connection

LOOPBACK = "127.0.0.1"


class BadNetwork(Exception):
    """TRACKSIDE_ADDRESS or TRACKSIDE_INTERFACE names what this machine does not have."""


@dataclass(frozen=True)
class Reach:
    address: str
    interface: str


def reach() -> Reach:
    """Raises BadNetwork."""
    address = os.environ.get("TRACKSIDE_ADDRESS", "").strip()
    interface = os.environ.get("TRACKSIDE_INTERFACE", "").strip()
    ours = addresses()
    if interface and interface not in ours:
        raise BadNetwork(
            f"TRACKSIDE_INTERFACE is {interface!r}; this machine has {', '.join(sorted(ours))}."
        )
    if address:
        address = _resolved(address)
    elif interface:
        address = next(iter(ours[interface]), "")
    else:
        address = _towards(_peer())
    return Reach(address, interface or _holder(address, ours))


def addresses() -> dict[str, list[str]]:
    """The addresses of each interface, IPv4 first."""
    families = (socket.AF_INET, socket.AF_INET6)
    return {
        name: [
            one.address.partition("%")[0]
            for family in families
            for one in found
            if one.family == family
        ]
        for name, found in psutil.net_if_addrs().items()
    }


def _holder(address: str, ours: dict[str, list[str]]) -> str:
    for name, found in ours.items():
        if address in found:
            return name
    known = ", ".join(one for name, found in sorted(ours.items()) for one in found)
    raise BadNetwork(
        f"TRACKSIDE_ADDRESS must be an address of this machine, not {address!r}. It has {known}."
    )


def _resolved(name: str) -> str:
    try:
        return str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as problem:
        raise BadNetwork(
            f"TRACKSIDE_ADDRESS is {name!r}, which cannot be resolved: {problem.strerror}."
        ) from None


def _peer() -> str:
    """The host of the database, else of the broker; empty when both are on this machine."""
    hosts = (connection.settings_dict.get("HOST"), urlsplit(settings.BROKER_URL).hostname)
    return next((str(one) for one in hosts if one and not str(one).startswith("/")), "")


def _towards(host: str) -> str:
    """The address that this machine shows to that host. Nothing is sent."""
    if not host:
        return LOOPBACK
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(where)
            return str(probe.getsockname()[0])
    except OSError:
        return LOOPBACK
