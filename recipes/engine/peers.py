"""The ranks of one job: who they are, what they run on, and how they agree."""

import contextlib
import inspect
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import TCPStore
from torch.nn.parallel import DistributedDataParallel

from recipes.job import BadJob, Compute

PATIENCE = timedelta(minutes=30)  # a rank may wait that long for another, as for a first decode
CONTEXT = 600 << 20  # bytes of a GPU that CUDA itself takes for a process: not the allocator's
MEET_WITHIN = timedelta(minutes=2)  # ranks of other nodes: their agents start them together


class Apart(Exception):
    """The ranks of several nodes do not reach each other. The message says who whom."""

    code = "rendezvous"


# Its name changed in torch 2.12.
SYNC_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters
    else "broadcast_buffers"
)


class Peers:
    """This rank among the others. A job of one rank has no process group and waits for nobody."""

    def __init__(
        self, rank: int, world: int, device: torch.device, *, threads: int = 1, near: int = 0
    ) -> None:
        self.rank = rank
        self.world = world
        self.near = near or world  # the ranks on this node
        self.device = device
        # Threads that read ahead. On a CPU they would only take the cores from the net.
        self.readers = threads if device.type == "cuda" else 0
        # Words between the ranks go over gloo, so that they never make a GPU wait.
        self._words: Any = dist.new_group(backend="gloo") if world > 1 and _is_nccl() else None

    def barrier(self) -> None:
        if self.world > 1:
            dist.barrier(group=self._words)

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, in order of rank, on every rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value, group=self._words)
        return values

    def share(self, value: Any) -> Any:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0, group=self._words)
        return values[0]

    def sum(self, values: list[float]) -> list[float]:
        """The sums over all ranks, in double precision."""
        if self.world == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor, group=self._words)
        return [float(one) for one in tensor.tolist()]

    def average(self, tensors: list[Tensor]) -> None:
        """Make each tensor, such as a statistic of a batch norm, the mean over the ranks."""
        moving = [one for one in tensors if one.is_floating_point()]
        if self.world == 1 or not moving:
            return
        flat = torch.cat([one.detach().reshape(-1).float() for one in moving])
        dist.all_reduce(flat)
        flat /= self.world
        start = 0
        for one in moving:
            one.detach().copy_(flat[start : start + one.numel()].view_as(one))
            start += one.numel()

    def wrap(self, net: nn.Module) -> nn.Module:
        """The net under DistributedDataParallel; as it is when this rank is alone."""
        if self.world == 1:
            return net
        ids = [self.device.index] if self.device.type == "cuda" else None
        # The loop averages the buffers before each validation.
        options: dict[str, Any] = {"gradient_as_bucket_view": True, SYNC_BUFFERS: False}
        return DistributedDataParallel(net, device_ids=ids, **options)

    def votes(self) -> "Votes":
        return Votes(self.world, self._words)


class Votes:
    """One number a step, whose largest all ranks learn at the same step, one later: none waits."""

    def __init__(self, world: int, group: Any) -> None:
        self._world = world
        self._group = group
        self._open: tuple[Tensor, Any] | None = None

    def cast(self, wish: int) -> int:
        """Vote, and hear the largest wish of the step before."""
        if self._world == 1:
            return wish
        heard = self._hear()
        wishes = torch.tensor([wish])
        work = dist.all_reduce(wishes, op=dist.ReduceOp.MAX, group=self._group, async_op=True)
        self._open = (wishes, work)
        return heard

    def close(self) -> int:
        """The last vote's answer. Every rank calls it once it casts no more."""
        return self._hear()

    def _hear(self) -> int:
        if self._open is None:
            return 0
        wishes, work = self._open
        self._open = None
        work.wait()
        return int(wishes.item())


@contextlib.contextmanager
def joined(compute: Compute, rank: int, world: int, rendezvous: str) -> Iterator[Peers]:
    """Meet the other ranks; leave them when the block ends well."""
    device = _device(compute, rank - compute.first_rank)
    if world > 1:
        backend = "nccl" if device.type == "cuda" else "gloo"
        how: dict[str, Any] = {"rank": rank, "world_size": world, "timeout": PATIENCE}
        if rendezvous.startswith("tcp://"):
            try:
                dist.init_process_group(backend, store=_store(rendezvous, world), **how)
            except dist.DistError as problem:
                where, why = urlsplit(rendezvous).netloc, str(problem).splitlines()[0]
                raise Apart(
                    f"Rank {rank} of {world} did not meet the others at {where} ({why}). "
                    "Nodes must reach each other on every port above 1023."
                ) from problem
        else:
            dist.init_process_group(backend, init_method=rendezvous, **how)
    yield Peers(rank, world, device, threads=compute.threads, near=compute.ranks)
    if world > 1:
        dist.destroy_process_group()


def _store(rendezvous: str, world: int) -> TCPStore:
    """Rank 0 serves on the socket that its leader has opened; the others find it there."""
    place = urlsplit(rendezvous)
    listening = parse_qs(place.query).get("listening")
    return TCPStore(
        str(place.hostname),
        int(place.port or 0),
        world,
        is_master=listening is not None,
        timeout=MEET_WITHIN,
        wait_for_workers=False,
        master_listen_fd=int(listening[0]) if listening else None,
    )


def _device(compute: Compute, rank: int) -> torch.device:
    if compute.device == "cpu" or compute.simulated:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise BadJob(
            f"The job asks for {max(1, len(compute.uuids))} GPUs and PyTorch {torch.__version__} "
            "sees none on this node. Look at the driver, or run it on the CPU."
        )
    if rank >= torch.cuda.device_count():
        raise BadJob(
            f"Rank {rank} has no GPU: the node shows {torch.cuda.device_count()} to this job."
        )
    device = torch.device("cuda", rank)
    torch.cuda.set_device(device)
    if compute.memory:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, own_memory(compute) / total), device)
    torch.backends.cudnn.benchmark = True  # all batches have one shape
    torch.set_float32_matmul_precision("high")
    return device


def own_memory(compute: Compute) -> int:
    """Bytes of a GPU that a job's own numbers may take, where it has a budget."""
    return max(compute.memory - CONTEXT, compute.memory // 2)


def _is_nccl() -> bool:
    return bool(dist.get_backend() == "nccl")


def device_name(compute: Compute, device: torch.device) -> str:
    """What a person calls the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = str(_abilities().get("cpu_name") or "CPU")
    name = name if "CPU" in name else f"{name} CPU"
    return f"simulated GPU on {name}" if compute.simulated else name


def precision_for(wanted: str, device: torch.device) -> str:
    """bf16, fp16 or fp32. 16 bits without the hardware for them are slower, not faster."""
    if device.type == "cuda":
        auto = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        return auto if wanted == "auto" else wanted
    able = _abilities()
    has_bf16 = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    if wanted == "auto":
        return "bf16" if has_bf16 else "fp32"
    return "fp32" if wanted == "fp16" and not able.get("amx_fp16") else wanted


def _abilities() -> dict[str, Any]:
    """What this CPU can do, also for a torch that is older than the one that is pinned."""
    asked = getattr(torch.cpu, "get_capabilities", None)
    if asked is not None:
        return dict(asked())
    return {"avx512_bf16": torch.cpu._is_avx512_bf16_supported()}


def autocast(device: torch.device, precision: str) -> Any:
    """The context for a forward pass in that precision."""
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return torch.autocast(device.type, kind or torch.bfloat16, enabled=kind is not None)
