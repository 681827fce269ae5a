"""Forms made from a card's Params: its own bounds, choices and sentences, nothing typed twice.

form = form_for(card.params, data=request.POST, initial=analysis.design["params"])
if form.is_valid(): form.values      # a dict of clean values
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.forms import BoundField

from recipes.params import Choice, Flag, FromCatalogue, Number, Param, ParamError, Params

Options = list[tuple[str, str]] | list[tuple[str, list[tuple[str, str]]]]


@dataclass
class Group:
    """One section of the form; the advanced fields are folded away unless one has an error."""

    name: str
    fields: list[BoundField] = field(default_factory=list)
    advanced: list[BoundField] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return any(one.errors for one in self.advanced)


class ParamForm(forms.Form):
    """Do not write one by hand: `form_for` makes it."""

    params: Params

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        wanted = {name: value for name, value in cleaned.items() if name not in self.errors}
        try:
            self.params.clean(wanted)
        except ParamError as wrong:
            for name, sentence in wrong.errors.items():
                self.add_error(name if name in self.fields else None, sentence)
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """The clean values; only a valid form has them."""
        return {one.name: self.cleaned_data[one.name] for one in self.params.fields}

    def groups(self) -> list[Group]:
        groups: dict[str, Group] = {}
        for one in self.params.fields:
            group = groups.setdefault(one.group, Group(one.group))
            (group.advanced if one.advanced else group.fields).append(self[one.name])
        return list(groups.values())


def form_for(
    params: Params,
    data: Mapping[str, Any] | None = None,
    *,
    initial: Mapping[str, Any] | None = None,
    prefix: str = "",
    catalogue: Mapping[str, Options] | None = None,
    barred: Mapping[str, Mapping[str, str]] | None = None,
) -> ParamForm:
    """A form over `params`. `catalogue` maps a FromCatalogue's list to its (value, label) options.

    `barred` maps a radio Choice's or a Flag's name to the values that cannot be chosen now, each
    with the sentence that says why; one that is chosen already can still be sent.

    `data` is a POST (an absent check box is off) or None for a fresh form with `initial` over the
    card's defaults.
    """
    fields = {one.name: _field(one, catalogue or {}) for one in params.fields}
    for name, values in (barred or {}).items():
        _bar(fields[name], values)
    made = type("MadeParamForm", (ParamForm,), {**fields, "params": params})
    known = {one.name for one in params.fields}
    start = {name: value for name, value in (initial or {}).items() if name in known}
    form: ParamForm = made(
        data, initial={**params.defaults(), **start}, prefix=prefix or None, label_suffix=""
    )
    return form


def _field(one: Param, catalogue: Mapping[str, Options]) -> forms.Field:
    made = _control(one, catalogue)
    made.label, made.help_text = one.label, one.help
    made.param, made.unit = one, one.unit  # type: ignore[attr-defined]
    if one.when:
        made.when = f"{one.when[0]}={','.join(str(value) for value in one.when[1])}"  # type: ignore[attr-defined]
    made.clean = _cleaner(one)  # type: ignore[assignment,method-assign]
    return made


def _bar(made: forms.Field, values: Mapping[str, str]) -> None:
    if isinstance(made, forms.BooleanField):
        made.widget = Checkbox()
        made.help_text = " ".join([str(made.help_text), *values.values()])
        return
    made.widget = _Barred(values, choices=made.choices)  # type: ignore[attr-defined]
    made.notes = {**made.notes, **values}  # type: ignore[attr-defined]


class Checkbox(forms.CheckboxInput):  # templates know it by this name
    """Grey unless it is on: then it can be switched off."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context(name, value, attrs)
        if not self.check_test(value):
            found["widget"]["attrs"]["disabled"] = True
        return found


class _Barred(forms.RadioSelect):
    """Radios some of which are grey."""

    def __init__(self, barred: Mapping[str, str], choices: Any) -> None:
        super().__init__(choices=choices)
        self._barred = barred

    def create_option(self, *given: Any, **named: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*given, **named)
        if option["value"] in self._barred and not option["selected"]:
            option["attrs"]["disabled"] = True
        return option


def _cleaner(one: Param) -> Callable[[Any], Any]:
    """The card's own check in place of Django's: its sentence stands beside the field."""

    def clean(raw: Any) -> Any:
        try:
            return one.clean("" if raw is None else raw)
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None

    return clean


def _control(one: Param, catalogue: Mapping[str, Options]) -> forms.Field:
    if isinstance(one, Flag):
        return forms.BooleanField(required=False)
    if isinstance(one, Number):
        return forms.CharField(required=False, widget=_number(one))
    if isinstance(one, Choice):
        return _choice(one)
    if isinstance(one, FromCatalogue) and one.list in catalogue:
        return forms.ChoiceField(required=False, choices=catalogue[one.list])
    return forms.CharField(required=False)


def _number(one: Number) -> forms.NumberInput:
    step = one.step if one.step else 1 if one.whole else "any"
    return forms.NumberInput(
        attrs={"min": _plain(one.minimum), "max": _plain(one.maximum)} | {"step": step}
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _choice(one: Choice) -> forms.Field:
    choices = [(value, label) for value, label, _ in one.options]
    if one.shape == "select":
        made = forms.ChoiceField(required=False, choices=choices)
    else:
        made = forms.ChoiceField(required=False, choices=choices, widget=forms.RadioSelect)
    made.shape = one.shape  # type: ignore[attr-defined]
    made.notes = {value: note for value, _, note in one.options if note}  # type: ignore[attr-defined]
    return made
