"""The small components every template uses. Built in: no {% load %} is needed."""

from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField, Form
from django.templatetags.static import do_static, static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from trackside.ui import gpu_words, words

register = template.Library()
register.tag("static", do_static)  # built in as well: {% static "css/parts.css" %}

HOT = 80  # degrees Celsius
# A pill always has an icon or a word beside its colour.
PILL_ICONS = {"ok": "check", "wn": "alert-triangle", "er": "x", "bz": "clock", "ac": "bolt"}
# How the states of jobs, attempts, data sets and nodes look: kind of pill, icon.
STATES = {
    "queued": ("bz", "clock"),
    "paused": ("", "pause"),
    "yielded": ("", "pause"),
    "assigned": ("ac", "loader"),
    "starting": ("ac", "loader"),
    "running": ("ac", "play"),
    "importing": ("ac", "loader"),
    "stopping": ("wn", "flag"),
    "draining": ("wn", "flag"),
    "suspect": ("wn", "alert-triangle"),
    "succeeded": ("ok", "check"),
    "ready": ("ok", "check"),
    "online": ("ok", "check"),
    "failed": ("er", "x"),
    "lost": ("er", "plug-off"),
    "cancelled": ("", "ban"),
    "expired": ("", "clock"),
    "planned": ("", "clock"),
}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """One icon of the sprite; it is decoration, the words beside it carry the meaning."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f"i {extra}".strip(),
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def pill(kind: str, text: str, icon_name: str = "") -> SafeString:
    """A short state: ok, wn, er, bz (held), ac (at work) or "" (neutral)."""
    name = icon_name or PILL_ICONS.get(kind, "")
    look = f"p p--{kind}" if kind else "p"
    return format_html('<span class="{}">{}{}</span>', look, icon(name) if name else "", text)


@register.simple_tag
def state(value: str, label: str = "") -> SafeString:
    """The pill of a job's, attempt's, data set's or node's state."""
    kind, name = STATES.get(value, ("", "circle"))
    return pill(kind, label or value.replace("_", " ").capitalize(), name)


@register.inclusion_tag("ui/field.html")
def field(one: BoundField) -> dict[str, Any]:
    """Label, control, help and error of one field of a form."""
    return {"field": one}


@register.inclusion_tag("ui/param_form.html")
def param_form(form: Form) -> dict[str, Any]:
    """A form made by `ui.param_forms.form_for`, in the groups of its card."""
    return {"form": form, "groups": form.groups() if hasattr(form, "groups") else []}


@register.inclusion_tag("ui/empty.html")
def empty(
    title: str, text: str, action_url: str = "", action_label: str = "", icon_name: str = "sparkles"
) -> dict[str, Any]:
    """What a place looks like before there is anything in it: what it is for and what to do."""
    return {
        "title": title,
        "text": text,
        "action_url": action_url,
        "action_label": action_label,
        "icon_name": icon_name,
    }


@register.simple_tag(name="bytes")
def bytes_tag(number: float | None) -> str:
    return words.size(number)


@register.simple_tag
def duration(seconds: float | None) -> str:
    return words.duration(seconds)


@register.simple_tag
def ago(when: datetime | None) -> SafeString:
    """How long since; the exact time on hover. `js/ago.js` keeps it true."""
    if when is None:
        return format_html('<span class="t3">{}</span>', "never")
    seconds = (timezone.now() - when).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        when.isoformat(),
        when.strftime("%Y-%m-%d %H:%M:%S UTC"),
        words.ago(seconds),
    )


@register.simple_tag
def bar(value: float, most: float = 100, kind: str = "o", label: str = "") -> SafeString:
    """A bar as SVG: its width is an attribute, so the strict style-src needs no exception.

    kind: o (accent), u (held), x (error), g (good), w (warning), q (quiet).
    """
    share = max(0.0, min(100.0, 100 * (value or 0) / most)) if most else 0.0
    role = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString('aria-hidden="true"')
    )
    return format_html(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" {}>'
        '<rect class="{}" width="{}" height="10"></rect></svg>',
        role,
        kind,
        f"{share:.2f}",
    )


@register.simple_tag
def gpu_facts(gpu: dict[str, Any], verdict: dict[str, Any] | None = None) -> dict[str, Any]:
    """What ui/gpu_tile.html shows of one entry of the board."""
    verdict = verdict or None
    kind, text, icon_name = gpu_words.look(gpu, verdict)
    heat = gpu.get("temperature")
    return {
        "name": gpu_words.short(gpu["name"]),
        "kind": kind,
        "text": text,
        "icon": icon_name,
        **gpu_words.bars(gpu, verdict),
        "free": gpu_words.gib(gpu["memory_free"]),
        "total": gpu_words.gib(gpu["memory_total"]),
        "wants": gpu_words.gib(verdict["needs"]) if verdict and verdict.get("needs") else "",
        "spark": gpu_words.spark(gpu.get("history") or []),
        "util": words.whole(gpu.get("utilization")),
        "temp": words.whole(heat),
        "power": words.whole(gpu.get("power")),
        "hot": heat is not None and heat >= HOT,
        "who": gpu_words.who(gpu),
    }


register.filter("size", words.size)
register.filter("gib", gpu_words.gib)
register.filter("card", gpu_words.short)
register.filter("duration", words.duration)
register.filter("thousands", words.thousands)
register.filter("basename", words.basename)
register.filter("percent", words.percent)
register.filter("amount", words.amount)
register.filter("share", words.share)
register.filter("plural", words.plural)
register.filter("turn", words.turn)


@register.filter
def coded(text: str) -> str:
    """A sentence; what stands in it between backticks is code."""
    if isinstance(text, SafeString) or str(text).count("`") % 2:
        return text
    parts = enumerate(str(text).split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>" if n % 2 else "{}", one),) for n, one in parts)
    )


@register.filter
def initials(person: Any) -> str:
    """Two letters for the round badge of a person."""
    parts = str(person).replace(".", " ").replace("_", " ").split()
    return "".join(one[0] for one in parts[:2]).upper() or "?"


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`{{ verdicts|get:gpu.uuid }}`; nothing when it is not there."""
    return mapping.get(key) if hasattr(mapping, "get") else None
