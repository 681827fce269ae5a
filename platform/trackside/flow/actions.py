"""What can be done with each item of the Flow, for the side panel: only what the person may do."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from trackside.flow.graph import Graph, Item, identity
from trackside.jobs.states import JOB_OVER
from trackside.projects.models import Project

Action = dict[str, Any]


def shown(graph: Graph, project: Project, may_edit: bool) -> dict[str, Any]:
    """The graph as the page draws it: REST's answer and, for each item, its actions."""
    answer = graph.as_dict()
    models = any(one.type == "saved_model" for one in graph.nodes)
    for node, item in zip(answer["nodes"], graph.nodes, strict=True):
        node["url"] = address(item, project)
        node["actions"] = MADE[item.type](item, project, may_edit, models)
        if may_edit and item.state == "out_of_date" and item.type in AGAIN:
            node["actions"] = _then(node["actions"], AGAIN[item.type](item, graph, project))
    return answer


def _then(made: list[Action], more: list[Action]) -> list[Action]:
    """One of them is the main one: of what came later, if there is one."""
    if any(one.get("main") for one in more):
        made = [{**one, "main": False} for one in made]
    return made + more


def address(item: Item, project: Project) -> str:
    if item.type == "table":  # it has no page of its own
        return reverse("recipe", args=[project.key, item.about["by"]])
    return reverse(item.type, args=[project.key, item.name])  # the pages are called as the types


def _link(label: str, icon: str, url: str, **more: Any) -> Action:
    return {"label": label, "icon": icon, "url": url, **more}


def _with(url: str, **query: str) -> str:
    return f"{url}?{urlencode(query)}"


def _dataset(item: Item, project: Project, may_edit: bool, models: bool) -> list[Action]:
    there = address(item, project)
    writer = item.about.get("by")
    made: list[Action] = [_link("Explore", "photo" if item.kind == "images" else "table", there)]
    if writer and may_edit and item.state == "out_of_date":
        run = reverse("recipe_run", args=[project.key, writer])
        made.append(_link("Build", "hammer", run, post=True, main=True))
    elif writer and may_edit:
        recipe = reverse("recipe", args=[project.key, writer])
        made.append(_link("Build", "hammer", recipe, main=item.state == "planned"))
    if not may_edit or item.state not in ("ready", "out_of_date"):  # that can be used as it is
        return made
    if item.about.get("teaches"):
        analyse = _with(reverse("analysis_new", args=[project.key]), dataset=item.name)
        made.append(_link("Visual ML", "flask", analyse, group="Lab", tone="ml", gpu=True))
    if models:
        score = _with(reverse("recipe_new", args=[project.key]), dataset=item.name)
        made.append(_link("Score", "play", score, group="Visual recipes", tone="ml", gpu=True))
        judge = _with(reverse("evaluation_new", args=[project.key]), dataset=item.name)
        made.append(_link("Evaluate", "gauge", judge, group="Visual recipes", tone="ml", gpu=True))
    return made


def _retrain(item: Item, graph: Graph, project: Project) -> list[Action]:
    """Where the model that makes it is out of date too: first train, then build."""
    nodes, writer = {one.id: one for one in graph.nodes}, identity("recipe", item.about["by"])
    models = [nodes[one] for one, other in graph.edges if other == writer]
    old = [one for one in models if one.type == "saved_model" and one.state == "out_of_date"]
    return [
        _link("Retrain its model", "refresh", reverse("recipe", args=[project.key, name]))
        for one in old
        if (name := one.about.get("recipe"))
    ]


def _saved_model(item: Item, project: Project, may_edit: bool, models: bool) -> list[Action]:
    old = may_edit and item.state == "out_of_date" and bool(item.about.get("recipe"))
    made = [_link("Open", "cup", address(item, project), main=not old)]
    if not may_edit:
        return made
    if item.about.get("recipe"):
        retrain = reverse("recipe", args=[project.key, item.about["recipe"]])
        made.append(_link("Retrain", "refresh", retrain, main=old))
    if item.state != "planned":  # what is out of date scores too
        score = _with(reverse("recipe_new", args=[project.key]), model=item.name)
        made.append(_link("Score", "play", score, group="Use it", tone="ml", gpu=True))
        judge = _with(reverse("evaluation_new", args=[project.key]), model=item.name)
        made.append(_link("Evaluate", "gauge", judge, group="Use it", tone="ml", gpu=True))
    return made


def _store(item: Item, project: Project, may_edit: bool, models: bool) -> list[Action]:
    return [_link("Open", "history", address(item, project), main=True)]


def _evaluate(item: Item, graph: Graph, project: Project) -> list[Action]:
    """By the recipe that wrote its newest evaluation, unless that is gone or at work."""
    by = item.about.get("by")
    writer = next((one for one in graph.nodes if (one.type, one.name) == ("recipe", by)), None)
    if writer is None or writer.state not in JOB_OVER:
        return []
    run = reverse("recipe_run", args=[project.key, writer.name])
    return [_link("Evaluate again", "gauge", run, post=True, main=True)]


def _table(item: Item, project: Project, may_edit: bool, models: bool) -> list[Action]:
    build = _link("Build", "hammer", address(item, project), main=item.state == "planned")
    if not may_edit:
        return []
    where = {name: item.about[name] for name in ("connection", "schema", "table")}
    read = _with(reverse("dataset_from_database", args=[project.key]), **where)
    ready = item.state == "ready"
    return [*([_link("Read as a dataset", "database", read, main=True)] if ready else []), build]


def _recipe(item: Item, project: Project, may_edit: bool, models: bool) -> list[Action]:
    there = address(item, project)
    made = [_link("Settings", "settings", there)]
    if item.job and item.state not in ("never_run", *JOB_OVER):
        watch = reverse("job", args=[project.key, item.job])
        made.insert(0, _link("Watch", "chart", watch, main=True))
        if may_edit:
            stop = reverse("job_stop", args=[project.key, item.job])
            made.append(_link("Stop", "stop", stop, post=True, danger=True))
        return made
    if may_edit:
        run = reverse("recipe_run", args=[project.key, item.name])
        made.append(_link("Run", "play", run, post=True, main=True))
    if item.job:
        made.append(_link("Last job", "clock", reverse("job", args=[project.key, item.job])))
    return made


MADE = {
    "dataset": _dataset,
    "recipe": _recipe,
    "saved_model": _saved_model,
    "evaluation_store": _store,
    "table": _table,
}
AGAIN = {"dataset": _retrain, "evaluation_store": _evaluate}  # more, of what is out of date
