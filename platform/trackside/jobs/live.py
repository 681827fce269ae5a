"""The one live address: Server-Sent Events over jobs, projects and the fleet.

A stream can be left and taken up again at any event: ids are the jobs' own event numbers.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.crypto import constant_time_compare

from trackside.accounts.gate import error_json, signed_in
from trackside.accounts.models import User
from trackside.compute import board
from trackside.jobs.models import Job
from trackside.jobs.stream import OneJob, Stream
from trackside.jobs.topics import BadTopics, Topics, allowed, parse


def response(chunks: AsyncIterator[str]) -> StreamingHttpResponse:
    """Headers that keep proxies and the gzip middleware from holding the stream back."""
    answer = StreamingHttpResponse(chunks, content_type="text/event-stream")
    answer["Cache-Control"] = "no-cache, no-transform"
    answer["X-Accel-Buffering"] = "no"
    answer["Content-Encoding"] = "identity"
    return answer


@signed_in
async def live(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """`GET /live/?t=job:12,gpus,project:KEY&last=job:12@45`: 404 unless all of it may be read."""
    last = request.headers.get("Last-Event-ID") or request.GET.get("last", "")
    try:
        wanted = parse(request.GET.get("t", ""), last)
    except BadTopics as wrong:
        return error_json("topics_wrong", str(wrong), 400, "t")
    user = await request.auser()
    try:
        topics = await sync_to_async(allowed)(user, wanted)
    except Http404 as absent:
        return error_json("not_found", str(absent), 404)
    who = await sync_to_async(board.viewer)(user)
    key = request.session.session_key or ""
    await let_go()
    return response(Stream(topics, who, lambda: still(key, topics)).run())


async def let_go() -> None:
    """The thread of a request lives as long as its stream: it must not keep a connection."""
    await sync_to_async(connections.close_all)()


def still(session_key: str, topics: Topics) -> bool:
    """The session lives, its user may sign in, and every topic is still theirs."""
    session = SessionStore(session_key)
    user = User.objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True).first()
    if user is None:
        return False
    known = session.get(HASH_SESSION_KEY, "")
    if not constant_time_compare(known, user.get_session_auth_hash()):
        return False
    with suppress(Http404):
        allowed(user, topics)
        return True
    return False


async def job_stream(
    job: Job, after: int, check: Callable[[], bool] | None = None
) -> AsyncIterator[str]:
    """A job's events after number `after`, then `event: end`: REST's `/jobs/{id}/events`.

    Hand it to `response`, and call `let_go` before. `check` is asked every minute whether the
    reader may still read.
    """
    async for chunk in OneJob(job.pk, after, check or (lambda: True)).run():
        yield chunk
