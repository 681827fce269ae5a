"""What jobs printed: the newest comes first where there is little room, and a download has all."""

from pathlib import Path

from django.test import Client
from django.utils import timezone

from tests.web import cast
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.jobs import logs, queries, scheduling, services
from trackside.jobs.models import Follower, Job
from trackside.jobs.views import TAIL_BYTES
from trackside.ui.streaming import AT_ONCE


def says(stage: Path, job: Job, text: str, part: str = "") -> None:
    """The newest attempt's."""
    folder = stage / cast.live(job).folder / part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text(text)


def end(job: Job, most: int) -> str:
    return logs.end(logs.logs(job), most)


def again(job: Job) -> None:
    services.give_way(cast.live(job), cause="stopped")
    services.release(cast.live(job))
    scheduling.run(timezone.now())
    cast.claimed(job)


def test_attempts_and_nodes_are_named_where_there_are_several(job: Job, stage: Path) -> None:
    says(stage, job, "hello\n")
    assert end(job, 100) == "hello\n"
    west = cast.node("west", gpus=1)
    compute = {"uuids": [west.gpus.get().uuid]}
    Follower.objects.create(
        attempt=cast.live(job), node=west, position=1, first_rank=1, compute=compute
    )
    says(stage, job, "there\n", "n1")
    assert end(job, 100) == (
        "--- attempt 1 on gpu-01 ---\nhello\n--- attempt 1 on west ---\nthere\n"
    )
    assert end(job, 8) == ("--- attempt 1 on gpu-01 ---\nllo\n--- attempt 1 on west ---\nere\n")
    says(stage, job, "!\n", "n1")
    assert "\nello\n" in end(job, 7), "what one node does not need is the other's"
    assert [one["node"] for one in queries.snapshot(job)["gpus"]] == ["west"]


def test_the_newest_attempts_words_come_before_those_of_earlier_ones(job: Job, stage: Path) -> None:
    says(stage, job, "a long and old story\n")
    again(job)
    says(stage, job, "the end\n")
    assert end(job, 8) == "--- attempt 2 ---\nthe end\n"
    assert end(job, 14) == "--- attempt 1 ---\nstory\n--- attempt 2 ---\nthe end\n"


def test_a_download_has_every_attempt_whole_in_pieces(
    job: Job, stage: Path, ada: User, client: Client
) -> None:
    line = "\u00e9" * 2047 + "\r\n"
    for attempt in range(4):
        if attempt:
            again(job)
        says(stage, job, line * 1024)
    client.force_login(ada)
    paths = (f"/p/{job.project.key}/jobs/{job.pk}/log.txt", f"/jobs/{job.pk}/log")
    for answer in (client.get(paths[0]), Rest(ada).call("GET", paths[1])):
        pieces = list(answer.streaming_content)  # type: ignore[attr-defined]
        assert max(map(len, pieces)) <= 2 * AT_ONCE
        assert b"".join(pieces).count(line.encode()) == 4096
    assert "attachment" in client.get(paths[0])["Content-Disposition"]


def test_what_is_no_text_is_shown_as_far_as_it_is(job: Job, stage: Path) -> None:
    says(stage, job, "")
    (stage / cast.live(job).folder / "log.txt").write_bytes(b"a\xffb\n")
    assert end(job, 100) == "".join(logs.pieces(logs.logs(job))) == "a\ufffdb\n"


def test_a_page_says_that_there_is_more_than_it_shows(
    job: Job, stage: Path, ada: User, client: Client
) -> None:
    client.force_login(ada)
    says(stage, job, "the end\n")
    page = f"/p/{job.project.key}/jobs/{job.pk}/"
    assert b"more in the file" not in client.get(page).content
    says(stage, job, "x" * TAIL_BYTES + "\nthe end\n")
    assert b"the last 2 lines, more in the file" in client.get(page).content
