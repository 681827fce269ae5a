"""Small fleets and wishes for the tests of placement."""

from trackside.compute.placement import Device, Hold, Machine, Request

GIB = 2**30
HOUR = 3600.0


def gpu(uuid: str, *holds: Hold, model: str = "H100", **more: object) -> Device:
    shared = bool(holds) and all(one.shared for one in holds)
    why = f"is {'shared' if shared else 'in use'} by job {holds[0].job}" if holds else ""
    values = {
        "uuid": uuid,
        "index": int(uuid[-1]),
        "name": model,
        "memory_total": 80 * GIB,
        "memory_free": 80 * GIB,
        "slots": 4,
        "holds": holds,
        "why": why,
        **more,
    }
    return Device(**values)  # type: ignore[arg-type]


def machine(name: str, *gpus: Device, **more: object) -> Machine:
    values = {"id": ord(name), "name": name, "cores": 8, "gpus": gpus, **more}
    return Machine(**values)  # type: ignore[arg-type]


def some(job: int, count: int = 1, **more: object) -> Request:
    return Request(job=job, kind="any", count=count, **more)  # type: ignore[arg-type]


def exact(job: int, *uuids: str, **more: object) -> Request:
    return Request(job=job, kind="gpus", uuids=uuids, **more)  # type: ignore[arg-type]


def until(ends: float, job: int = 90, **more: object) -> Hold:
    return Hold(job=job, ends=ends, **more)  # type: ignore[arg-type]


FREE4 = machine("a", *(gpu(f"a{n}") for n in range(4)))
# Two of four are free; the others end after one and after two hours.
HALF = machine("a", gpu("a0"), gpu("a1"), gpu("a2", until(HOUR)), gpu("a3", until(2 * HOUR)))


def soft(job: int, priority: int = 0, started: float = 0.0, **more: object) -> Hold:
    return Hold(job=job, priority=priority, started=started, preemptible=True, **more)  # type: ignore[arg-type]


def sharing(job: int, memory: int, **more: object) -> Request:
    return some(job, shared=True, memory=memory * GIB, **more)


def share(number: int, memory: int) -> Hold:
    return Hold(job=90 + number, shared=True, memory=memory * GIB, share=number)
