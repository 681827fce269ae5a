"""The page on which newer rows of a table are uploaded."""

from urllib.parse import urlencode
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from trackside.accounts.gate import caller, error_json, signed_in
from trackside.datasets import from_database, queries, reading, replacing, sending
from trackside.datasets.trouble import BadDataset, Refused
from trackside.projects.access import project_for
from trackside.projects.models import Role


@signed_in
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """A script sends the file and reads JSON; without scripts it is an ordinary form."""
    project = project_for(request.user, key, Role.EDITOR)
    one = queries.dataset_for(project, name)
    there = resolve_url("dataset", project.key, one.name)
    if request.method == "GET":
        try:
            replacing.check(one)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect(there)
    trouble: Refused | None = None
    if request.method == "POST":
        before = from_database.mark(one)
        try:
            file, click = sending.file_of(request), sending.click_of(request)
            replacing.replace(one, caller(request), file, click)
        except Refused as refused:
            trouble = refused
        else:
            return sending.sent(request, f"{there}?{urlencode({'before': before})}")
    status = _status(trouble)
    if trouble is not None and sending.wants_json(request):
        code = trouble.code if isinstance(trouble, BadDataset) else "refused"
        return error_json(code, str(trouble), status, "file")
    context = {
        "project": project,
        "dataset": one,
        "trouble": trouble,
        "click_id": uuid4().hex,
        "most": settings.UPLOAD_MAX_BYTES,
        "accepted": reading.TABLES_ACCEPTED,
    }
    return render(request, "datasets/replace.html", context, status=status)


def _status(trouble: Refused | None) -> int:
    if trouble is None:
        return 200
    return trouble.status if isinstance(trouble, BadDataset) else 409
