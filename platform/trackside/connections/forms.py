"""The form of a connection, made of its typed fields."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.html import format_html

from recipes.params import ParamError
from trackside.connections import settings
from trackside.projects.models import Project
from trackside.ui.param_forms import ParamForm, form_for

TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


def connection_form(
    data: Mapping[str, Any] | None = None,
    *,
    initial: Mapping[str, Any] | None = None,
    sealed: bool = False,
) -> ParamForm:
    """`sealed`: there is a password, which stays where none is typed. It is never shown."""
    shown = {**initial, "port": initial.get("port") or ""} if initial else {"port": ""}
    form = form_for(settings.FIELDS, data, initial=shown)
    port, database = form.fields["port"], form.fields["database"]
    port.clean = _or_usual(port.clean)  # type: ignore[assignment,method-assign]
    database.help_text = format_html(
        '<span data-when="kind={}">Its name.</span> '
        '<span data-when="kind=sqlite">The absolute path of its file, on every node that reads '
        "it.</span>",
        ",".join(settings.SERVERS[1]),
    )
    for name in ("name", "host", "database", "user", "schema"):
        form.fields[name].widget.attrs |= TYPED
    password = form.fields["password"]
    password.widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    kept = "One is kept. Leave it empty to keep it; it is shown nowhere."
    password.help_text = kept if sealed else "It is kept encrypted, and shown nowhere again."
    return form


def _or_usual(clean: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda raw: clean("0" if raw in (None, "") else raw)


def told(form: ParamForm, wrong: ParamError) -> None:
    """The sentences beside their fields."""
    for name, sentence in wrong.errors.items():
        form.add_error(name if name in form.fields else None, sentence)


def chosen(data: Any) -> list[Project]:
    """The projects that were ticked."""
    return list(Project.objects.filter(key__in=data.getlist("project")))
