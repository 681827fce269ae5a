"""Errors with which ranks lose each other: the machines' trouble, and not the program's."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch.distributed as dist

from recipes import rank
from recipes.job import BadJob, Job, write
from recipes.kinds import KINDS
from recipes.rank import explain
from recipes.sql.access import Trouble
from tests.recipes.making import events
from trackside.jobs.retries import RULES
from workers.verdict import CAUSES

NCCL = (
    "NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.hpp:268, {}, NCCL version 2.27\n"
)
REMOTE = (
    NCCL.format("remote process exited or there was a network error")
    + "ncclRemoteError: A call failed possibly due to a network error or a remote process.\n"
    "Last error:\nsocketProgressOpt: Call to recv from 10.0.0.2<33759> failed : No route to host"
)
CUDA = (
    NCCL.format("unhandled cuda error (run with NCCL_DEBUG=INFO for details)")
    + "ncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nCuda failure {}"
)
SYSTEM = NCCL.format("unhandled system error") + "ncclSystemError: System call failed or timed out."
INTERNAL = NCCL.format("internal error") + "ncclInternalError: Internal check failed."
USAGE = (
    NCCL.format("invalid usage")
    + "ncclInvalidUsage: This usually reflects invalid usage of NCCL.\n"
    "Last error:\nDuplicate GPU detected : rank 1 and rank 0 both on CUDA device 7000"
)
STORE = (
    "[1] is setting up NCCL communicator and retrieving ncclUniqueId from [0] via c10d key-value "
    "store by key '0', but store->get('0') got error: Connection was likely closed."
)
GLOO = "[/src/gloo/transport/tcp/pair.cc:561] {}. This is typically caused by a remote worker."

ENDS = [
    (dist.DistBackendError(REMOTE), "ranks_apart", "No route to host"),
    (dist.DistBackendError(CUDA.format("719 'unspecified launch failure'")), "ranks_apart", "719"),
    (dist.DistBackendError(SYSTEM), "ranks_apart", "ncclSystemError: System call failed"),
    (RuntimeError(INTERNAL), "ranks_apart", "ncclInternalError"),
    (dist.DistBackendError(STORE), "ranks_apart", "likely closed"),
    (dist.DistNetworkError("failed to recv, got 0 bytes"), "ranks_apart", "got 0 bytes"),
    (
        RuntimeError(GLOO.format("Connection closed by peer [::1]:9")),
        "ranks_apart",
        "(Connection closed by peer [::1]:9)",
    ),
    (dist.DistError(), "ranks_apart", "(DistError)"),
    (RuntimeError(GLOO.format("Timed out waiting 1800000ms")), "ranks_apart", "network failed."),
    (dist.DistBackendError(CUDA.format("2 'out of memory'")), "cuda_out_of_memory", "smaller"),
    (dist.DistBackendError(USAGE), "error", "program"),
    (ConnectionResetError(104, "Connection reset by peer"), "error", "program"),
    (RuntimeError("shapes do not match"), "error", "program"),
]


@pytest.mark.parametrize(("error", "code", "says"), ENDS)
def test_how_ranks_lose_each_other_decides_whether_it_is_tried_again(
    error: Exception, code: str, says: str
) -> None:
    found, sentence = explain(error)
    assert found == code
    assert says in sentence
    assert "\n" not in sentence
    rule = RULES[CAUSES.get(found, "program")]
    assert rule.again == (code == "ranks_apart")
    assert rule.blocks == rule.again  # elsewhere, where there is another place


@pytest.mark.parametrize(
    "error",
    [
        Trouble("There is a table 'x' already."),
        BadJob("K is larger than the rows."),
        ValueError("odd"),
    ],
)
def test_what_a_person_can_mend_is_a_sentence_alone(
    tmp_path: Path,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setitem(KINDS, "preview", replace(KINDS["preview"], run=refuse, torch=False))
    write(tmp_path, Job(job=1, kind="preview", spec={}))
    assert rank.run(tmp_path, rank=0, world=1, rendezvous="") == 1
    (failed,) = events(tmp_path, "failed")
    log = capsys.readouterr().err
    if isinstance(error, Trouble):
        assert (log, failed["detail"]) == (f"{error}\n", "")
    else:
        assert log == (f"{error}\n" if rank.foreseen(error) else failed["detail"])
        assert ("Traceback" in log) != rank.foreseen(error)
