"""The one live address: Server-Sent Events over jobs, projects and the fleet.

A stream can be left and taken up again at any event: ids are the jobs' own event numbers.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare

from trackside.accounts.gate import error_json, signed_in
from trackside.accounts.models import User
from trackside.compute import board
from trackside.jobs.hub import hub
from trackside.jobs.models import Job
from trackside.jobs.stream import Glance, OneJob, Stream
from trackside.jobs.topics import BadTopics, Topics, allowed, parse


def response(chunks: AsyncIterator[bytes]) -> StreamingHttpResponse | JsonResponse:
    """Headers that keep proxies and the gzip middleware from holding the stream back.

    503 when this process has as many streams as it can, or ends.
    """
    if hub().full:
        crowded = error_json("too_many_streams", "Too many live streams; ask again soon.", 503)
        crowded["Retry-After"] = "5"
        return crowded
    answer = StreamingHttpResponse(chunks, content_type="text/event-stream")
    answer["Cache-Control"] = "no-cache, no-transform"
    answer["X-Accel-Buffering"] = "no"
    answer["Content-Encoding"] = "identity"
    return answer


@signed_in
async def live(request: HttpRequest) -> HttpResponseBase:
    """`GET /live/?t=job:12,gpus,project:KEY&last=job:12@45`: 404 unless all of it may be read.

    `&once=1` answers what there is by now and ends: for who asks again and again.
    """
    last = f"{request.GET.get('last', '')},{request.headers.get('Last-Event-ID', '')}"
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
    if request.GET.get("once"):
        text = await Glance(topics, who, lambda: True).text()
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    return response(Stream(topics, who, lambda: still(key, topics, who)).run())


async def let_go() -> None:
    """A stream must keep neither the connection nor the thread of its request.

    Django keeps one thread a request, with a connection of its own, as long as the answer takes.
    """
    await sync_to_async(connections.close_all)()
    context = SyncToAsync.thread_sensitive_context.get(None)
    threads = SyncToAsync.context_to_thread_executor
    if context is not None and context in threads:
        threads.pop(context).shutdown(wait=False)


def still(session_key: str, topics: Topics, who: board.Viewer) -> bool:
    """The session lives, its user may sign in, every topic is still theirs, and they may see of
    the fleet what they might when the stream began: a new stream shows what they may see now."""
    session = SessionStore(session_key)
    user = User.objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True).first()
    if user is None:
        return False
    known = session.get(HASH_SESSION_KEY, "")
    if not constant_time_compare(known, user.get_session_auth_hash()):
        return False
    with suppress(Http404):
        allowed(user, topics)
        return board.viewer(user) == who
    return False


async def job_stream(
    job: Job, after: int, check: Callable[[], bool] | None = None
) -> AsyncIterator[bytes]:
    """A job's events after number `after`, then `event: end`: REST's `/jobs/{id}/events`.

    Hand it to `response`, and call `let_go` before. `check` is asked every minute whether the
    reader may still read.
    """
    async for chunk in OneJob(job.pk, after, check or (lambda: True)).run():
        yield chunk
