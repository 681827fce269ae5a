"""The list of projects, a new one, and the settings of one."""

from django.apps import apps
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from trackside.accounts.gate import caller, signed_in
from trackside.projects import forms, services
from trackside.projects.access import RANK, can, project_for, projects_of
from trackside.projects.models import Member, Project, Role


@signed_in
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Cards with what each project holds."""
    projects = list(
        projects_of(request.user).annotate(
            dataset_count=Count("datasets", distinct=True),
            analysis_count=Count("analyses", distinct=True),
            model_count=Count("saved_models", distinct=True),
        )
    )
    numbers = [one.pk for one in projects]
    running = _running(numbers)
    everybody = Member.objects.filter(project__in=numbers).values_list("project")
    people = dict(everybody.annotate(n=Count("id")).order_by())
    roles = dict(Member.objects.filter(user=caller(request)).values_list("project_id", "role"))
    cards = [
        {
            "project": one,
            "role": Role(roles[one.pk]).label,
            "running": running.get(one.pk, 0),
            "people": people[one.pk],
        }
        for one in projects
    ]
    return render(request, "projects/home.html", {"cards": cards})


def _running(projects: list[int]) -> dict[int, int]:
    """Jobs that are not over, by project. The jobs app stands above this one, hence by its name."""
    job = apps.get_model("jobs", "Job")
    live = job.objects.filter(
        project__in=projects, state__in=["queued", "starting", "running", "stopping"]
    )
    return dict(live.values_list("project").annotate(n=Count("id")).order_by())


@signed_in
@require_http_methods(["GET", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    form = forms.NewProject(request.POST or None)
    if request.method == "POST" and form.is_valid():
        project = services.create_project(caller(request), **form.cleaned_data)
        return redirect("project", project.key)
    return render(request, "projects/new.html", {"form": form})


@signed_in
@require_http_methods(["GET", "POST"])
def project_settings(request: HttpRequest, key: str) -> HttpResponse:
    """Members see who is in; owners also change it."""
    needs = Role.OWNER if request.method == "POST" else Role.READER
    project = project_for(request.user, key, needs)
    form = forms.About(request.POST or None, instance=project)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "The settings are saved.")
        return redirect("project_settings", project.key)
    return _settings(request, project, about=form)


@signed_in
@require_POST
def members(request: HttpRequest, key: str) -> HttpResponse:
    """Add, change or remove one person; `do` says which."""
    project = project_for(request.user, key, Role.OWNER)
    form = forms.NewMember(request.POST)
    remove = request.POST.get("do") == "remove"
    if not remove and not form.is_valid():
        return _settings(request, project, member=form, status=422)
    try:
        said = _remove(request, project) if remove else _set(request, project, form)
    except services.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, said)
    if not can(request.user, project, Role.READER):
        return redirect("home")
    return redirect("project_settings", project.key)


def _set(request: HttpRequest, project: Project, form: forms.NewMember) -> str:
    role = Role(form.cleaned_data["role"])
    member = services.set_member(project, form.cleaned_data["username"], role, caller(request))
    return f"{member.user} is now {role.label.lower()} of {project.name}."


def _remove(request: HttpRequest, project: Project) -> str:
    name = request.POST.get("username", "")
    member = Member.objects.filter(project=project, user__username=name).first()
    if member is None:
        raise services.Refused(f"{name!r} is not a member.")
    services.remove_member(project, member.user, caller(request))
    return f"{member.user} is no longer a member."


@signed_in
@require_POST
def project_delete(request: HttpRequest, key: str) -> HttpResponse:
    """The key, typed out, is the confirmation."""
    project = project_for(request.user, key, Role.OWNER)
    if request.POST.get("typed", "").strip() != project.key:
        messages.error(request, f"Nothing was deleted: type {project.key} to delete the project.")
        return redirect("project_settings", project.key)
    try:
        services.delete_project(project, caller(request))
    except services.Refused as refused:
        messages.error(request, str(refused))
        return redirect("project_settings", project.key)
    messages.success(request, f"{project.name} is deleted.")
    return redirect("home")


def _settings(
    request: HttpRequest,
    project: Project,
    *,
    about: forms.About | None = None,
    member: forms.NewMember | None = None,
    status: int = 200,
) -> HttpResponse:
    everybody = project.members.select_related("user").order_by("user__username")
    people = sorted(everybody, key=lambda one: -RANK[Role(one.role)])
    context = {
        "project": project,
        "form": about or forms.About(instance=project),
        "member_form": member or forms.NewMember(),
        "people": people,
        "roles": Role.choices,
        "may_manage": can(request.user, project, Role.OWNER),
    }
    return render(request, "projects/settings.html", context, status=status)
