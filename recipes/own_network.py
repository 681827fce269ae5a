"""A network namespace for the ranks of one job: what they listen on there, nobody else reaches.

The gang leader enters it before it forks its ranks. Root needs nothing for it, an ordinary user a
user namespace too, in which everybody stays who they are. Containers and some distributions permit
neither: a child tries it first, since one half of it cannot be undone.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

from recipes.restraint import CLONE_NEWNET, CLONE_NEWUSER

LOOPBACK = "lo"
VARIABLES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
_FLAGS_OF = "16sH22x"  # struct ifreq
_CAPABILITIES_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def refusal() -> str:
    """Why no process of this user gets a network of its own here; "" where it does."""
    said, told = os.pipe()
    try:
        child = os.fork()
    except OSError as problem:  # this user has too many processes
        os.close(said)
        os.close(told)
        return problem.strerror or str(problem)
    if child == 0:
        _try(told)
    os.close(told)
    with os.fdopen(said, "rb") as words:
        why = words.read().decode()
    _, status = os.waitpid(child, 0)
    return why or ("" if status == 0 else f"the attempt ended with status {status}")


def _try(told: int) -> None:
    """In the child, which never comes back."""
    status = 1
    try:
        enter()
        status = 0
    except OSError as problem:
        os.write(told, (problem.strerror or str(problem)).encode())
    finally:
        os._exit(status)


def enter() -> None:
    """For this process and what it forks from here on. It needs one thread alone, and cannot be
    undone. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _check(_libc.unshare(CLONE_NEWNET))
    else:
        _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _raise(LOOPBACK)
    if user != 0:
        _give_up_power()
    os.environ.update(dict.fromkeys(VARIABLES, LOOPBACK))  # there is no other way here


def closed() -> bool:
    """Whether nobody from elsewhere reaches this process: nothing but the loopback is up."""
    return all(name == LOOPBACK or not _flags(name) & _UP for _, name in socket.if_nameindex())


def _raise(name: str) -> None:
    flags = _flags(name) | _UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack(_FLAGS_OF, name.encode(), flags))


def _flags(name: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack(_FLAGS_OF, name.encode(), 0))
    return int(struct.unpack(_FLAGS_OF, found)[1])


def _give_up_power() -> None:
    """Whoever makes a user namespace may do everything in it: a job needs none of that."""
    who = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    _check(_libc.capset(who, (ctypes.c_uint32 * 6)()))


def _check(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
