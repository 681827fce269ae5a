"""Why a machine offers no GPU, and what to do: one cause, chosen from the probe's facts. Pure."""

from dataclasses import dataclass
from typing import Any

OK = 0
NO_PERMISSION, NOT_FOUND, DRIVER_NOT_LOADED, TIMEOUT, LIBRARY_NOT_FOUND = 4, 6, 9, 10, 12
GPU_IS_LOST, RESET_REQUIRED, OPERATING_SYSTEM, MISMATCH, UNKNOWN = 15, 16, 17, 18, 999


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was found. `nvml` is the code that NVML answered; an empty text is not known."""

    on_pci: int = 0  # NVIDIA devices on the PCI bus
    device_files: bool = False  # /dev/nvidia* is there
    container: bool = False
    nvml: int = OK
    said: str = ""  # NVML's own words
    worked_before: bool = False
    devices: int = 0  # that NVML lists
    empty_mig: bool = False  # MIG is on, but no instance was made
    driver: str = ""
    module: str = ""  # version of the loaded kernel module
    driver_cuda: str = ""  # newest CUDA that the driver can serve
    torch: str = ""
    torch_cuda: str | None = None  # CUDA torch was built for; empty: without; None: not asked yet
    torch_archs: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()  # of the devices, such as "9.0"


Cause = dict[str, Any]


def why_no_gpu(facts: Facts) -> Cause | None:
    """The first cause that holds, None when the GPUs can be used."""
    if facts.nvml != OK:
        return _nvml(facts)
    if facts.empty_mig:
        return _cause(
            "mig_empty",
            "MIG is on, but the GPU has not been cut into slices.",
            "Make instances as administrator: nvidia-smi mig -cgi 19,19 -C",
            "Or turn MIG off: nvidia-smi -mig 0",
        )
    if not facts.devices:
        return _absent(facts)
    return _torch(facts)


def _cause(code: str, text: str, *steps: str) -> Cause:
    return {"code": code, "text": text, "steps": list(steps)}


def _absent(facts: Facts) -> Cause:
    if facts.container and facts.on_pci:
        return _container()
    return _cause(
        "no_device",
        "There is no NVIDIA device on this machine's PCI bus.",
        "Nothing to do: jobs run on the CPU.",
        "In a virtual machine: pass the card through to it.",
    )


def _container() -> Cause:
    return _cause(
        "container",
        "The machine has an NVIDIA device, but this container cannot see it.",
        "Install the NVIDIA Container Toolkit on the host.",
        "Start the container with GPUs: docker run --gpus all, "
        "or the device reservation in docker-compose.yml",
    )


def _nvml(facts: Facts) -> Cause:
    if facts.worked_before and facts.nvml in (UNKNOWN, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND):
        return _cause(
            "lost_in_container",
            "The GPUs could be used before and are now out of reach: "
            "a reload of systemd takes them away from a running container.",
            "Start the container again.",
            "To keep it from happening: use the cgroupfs driver or CDI devices.",
        )
    table = {
        DRIVER_NOT_LOADED: _not_loaded,
        LIBRARY_NOT_FOUND: _no_library,
        MISMATCH: _mismatch,
        NO_PERMISSION: _forbidden,
        OPERATING_SYSTEM: _forbidden,
        GPU_IS_LOST: _fallen,
        RESET_REQUIRED: _fallen,
        TIMEOUT: _silent,
    }
    return table.get(facts.nvml, _other)(facts)


def _not_loaded(facts: Facts) -> Cause:
    if not facts.on_pci:
        return _absent(facts)
    return _cause(
        "driver_not_loaded",
        "The NVIDIA driver is installed but not loaded.",
        "Load it: sudo modprobe nvidia",
        "If that fails, build the module for this kernel "
        "(sudo dkms autoinstall) and restart the machine.",
    )


def _no_library(facts: Facts) -> Cause:
    if not facts.on_pci:
        return _absent(facts)
    if facts.container or facts.device_files:
        return _container()
    return _cause(
        "no_driver",
        "The machine has an NVIDIA device, but no NVIDIA driver is installed.",
        "Install the driver, on Debian: sudo apt install nvidia-driver",
        "Restart the machine.",
    )


def _mismatch(facts: Facts) -> Cause:
    versions = f" (module {facts.module})" if facts.module else ""
    return _cause(
        "mismatch",
        f"The driver's kernel module and its library have different versions{versions}: "
        "the driver was updated while it ran.",
        "Restart the machine when its jobs are done.",
    )


def _forbidden(facts: Facts) -> Cause:
    return _cause(
        "no_permission",
        "The user of this agent may not use the NVIDIA devices.",
        "Look who may: ls -l /dev/nvidia*",
        "Add the user to that group (often video or render) and start the agent again.",
        "In a container: allow the devices in its cgroup rules.",
    )


def _fallen(facts: Facts) -> Cause:
    lost = facts.nvml == GPU_IS_LOST
    what = "has fallen off the bus" if lost else "needs a reset"
    return _cause(
        "gpu_lost" if lost else "reset_required",
        f"A GPU {what}.",
        "Look for the reason: sudo dmesg | grep -i xid",
        "Restart the machine. If it comes again, take the card out of service.",
    )


def _silent(facts: Facts) -> Cause:
    return _cause(
        "driver_silent",
        "The NVIDIA driver does not answer.",
        "Look whether nvidia-smi answers on the machine, and for the reason: "
        "sudo dmesg | grep -i xid",
        "Restart the machine.",
    )


def _other(facts: Facts) -> Cause:
    said = facts.said or "no words"
    return _cause(
        "unknown",
        f"NVIDIA's management library answered with error {facts.nvml} ({said}).",
        "Run nvidia-smi on the machine and look at what it says.",
        "Restart the agent when it works.",
    )


def _torch(facts: Facts) -> Cause | None:
    """NVML is fine; can torch use the cards?"""
    if facts.torch_cuda is None:
        return None
    if not facts.torch_cuda:
        return _cause(
            "torch_without_cuda",
            f"torch {facts.torch} is built without CUDA, so it cannot use the GPU.",
            "Install the build with CUDA: pip install -r requirements/core.txt",
        )
    if _major(facts.driver_cuda) and _major(facts.driver_cuda) < _major(facts.torch_cuda):
        return _cause(
            "driver_too_old",
            f"Driver {facts.driver} serves CUDA up to {facts.driver_cuda}; "
            f"torch {facts.torch} needs CUDA {facts.torch_cuda}.",
            "Update the NVIDIA driver and restart the machine.",
        )
    usable = [one for one in facts.capabilities if _has_kernel(one, facts.torch_archs)]
    if facts.torch_archs and facts.capabilities and not usable:
        return _cause(
            "no_kernel",
            f"torch {facts.torch} has no code for a GPU of compute capability "
            f"{facts.capabilities[0]}; it has {', '.join(facts.torch_archs)}.",
            "Install a torch that supports this card, or choose another card.",
        )
    return None


def _major(version: str) -> int:
    head = version.split(".")[0]
    return int(head) if head.isdigit() else 0


def _has_kernel(capability: str, archs: tuple[str, ...]) -> bool:
    """Code for sm_80 runs on 8.0 and later of the same major; compute_ code can be translated."""
    major, _, minor = capability.partition(".")
    for arch in archs:
        sort, _, number = arch.partition("_")
        digits = "".join(one for one in number if one.isdigit())
        if not digits:
            continue
        have = (int(digits[:-1] or 0), int(digits[-1]))
        want = (int(major), int(minor or 0))
        if (sort == "compute" and have <= want) or (have[0] == want[0] and have[1] <= want[1]):
            return True
    return False
