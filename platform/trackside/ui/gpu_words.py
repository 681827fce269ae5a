"""What a GPU tile says, in words and shapes: the same for the fleet page and the Train dialog.

`js/gpu-tiles.js` says the same when a live board comes in.
"""

from typing import Any

from trackside.ui import words

GIB = 2**30
WIDTH = 236  # of the bar's drawing: about a tile's width, so that the hatching stays square
# State of the board -> kind of pill, words, icon. Some states leave no room for a verdict.
STATES = {
    "free": ("ok", "Free", "check"),
    "busy": ("bz", "Busy", "clock"),
    "foreign": ("wn", "Used outside", "alert-triangle"),
    "failed": ("er", "Failed", "x"),
    "quarantined": ("wn", "Being freed", "hourglass"),
    "stale": ("", "No news", "unplug"),
}
VERDICTS = {
    "fits": ("ok", "Fits", "check"),
    "tight": ("wn", "Tight fit", "alert-triangle"),
    "no_room_now": ("wn", "No room now", "alert-triangle"),
    "too_small": ("er", "Too small", "x"),
    "busy": ("bz", "Busy", "clock"),
    "not_shared": ("", "Never shared", "lock"),
    "reserved": ("bz", "Reserved", "lock"),
}
# What a tile has no room for. Whether a card is simulated stands beside its machine.
NOISE = ("NVIDIA ", "GeForce ", " HBM3e", " HBM3", " HBM2e", " HBM2", " (simulated)")
STRONGER = ("failed", "quarantined", "stale")
OVER = ("no_room_now", "too_small")
BESIDE = ("fits", "tight", "no_room_now")  # what a GPU that others share may say


def look(gpu: dict[str, Any], verdict: dict[str, Any] | None) -> tuple[str, str, str]:
    """Kind, words and icon of the tile's pill."""
    said = (verdict or {}).get("verdict")
    if said in VERDICTS and gpu["state"] not in STRONGER:
        kind, text, icon = VERDICTS[said]
    else:
        kind, text, icon = STATES.get(gpu["state"], STATES["stale"])
    if gpu.get("queue") and text == "Busy":
        text = f"Busy, {gpu['queue']} queued"
    return kind, text, icon


def short(name: str) -> str:
    """NVIDIA H100 80GB HBM3 -> H100 80GB: what fits on a tile; the whole name is its title."""
    for noise in NOISE:
        name = name.replace(noise, "")
    return name


def gib(number: float | None) -> str:
    return words.NOTHING if number is None else f"{number / GIB:.1f}"


def bars(gpu: dict[str, Any], verdict: dict[str, Any] | None) -> dict[str, str]:
    """Widths of the bar's two parts: in use now, and what this job would take."""
    total = gpu["memory_total"] or 1
    used = min(1.0, gpu["memory_used"] / total) * WIDTH
    needs = 0.0
    beside = (verdict or {}).get("verdict") in BESIDE
    if verdict and (gpu["state"] != "busy" or beside) and verdict.get("needs"):
        needs = max(0.0, min(verdict["needs"] / total * WIDTH, WIDTH - used))
    over = (verdict or {}).get("verdict") in OVER
    return {
        "used": f"{used:.1f}",
        "needs": f"{needs:.1f}",
        "hatch": "url(#hatch-over)" if over else "url(#hatch)",
    }


def spark(history: list[float]) -> str:
    """The path of the small utilisation line, 100 wide and 18 high."""
    points = [float(one or 0) for one in history[-60:]]
    if len(points) < 2:
        points = (points or [0.0]) * 2
    step = 100 / (len(points) - 1)
    places = (f"{n * step:.1f} {17 - min(100.0, v) * 0.16:.1f}" for n, v in enumerate(points))
    return "M" + "L".join(places)


def who(gpu: dict[str, Any]) -> dict[str, str]:
    """The last line of the tile: who holds the GPU and for how long."""
    holder = gpu.get("holder")
    if holder and holder["kind"] == "job":
        left = f"{words.duration(holder['eta'])} left" if holder.get("eta") else ""
        person = holder.get("user") or "Somebody"
        return {"icon": "", "person": person, "text": f"{person}, {holder['title']}", "end": left}
    if holder:
        user = f", user {holder['user']}" if holder.get("user") else ""
        process = f"Outside process: {holder['title']}, pid {holder['id']}{user}"
        return {"icon": "alert-triangle", "person": "", "text": process, "end": ""}
    return {"icon": _icon(gpu), "person": "", "text": _free(gpu), "end": ""}


def _icon(gpu: dict[str, Any]) -> str:
    return "check" if gpu["state"] == "free" else STATES.get(gpu["state"], STATES["stale"])[2]


def _free(gpu: dict[str, Any]) -> str:
    if gpu["state"] == "free":
        idle = gpu.get("idle_s")
        return f"Free, idle for {words.duration(idle)}" if idle and idle >= 60 else "Free"
    said = {
        "failed": "Taken out of service",
        "quarantined": "Its last job's processes are being cleared away",
        "stale": "No fresh numbers from its machine",
    }
    return gpu.get("note") or said.get(gpu["state"], "In use outside Trackside")
