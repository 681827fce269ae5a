"""How forms become HTML: our templates for fields and forms, Django's own for the widgets."""

from typing import Any

from django.forms.renderers import DjangoTemplates
from django.template.loader import get_template


class Renderer(DjangoTemplates):
    """`{{ form }}` and `field.as_field_group` come out in the product's look."""

    form_template_name = "ui/form.html"
    field_template_name = "ui/field.html"

    def get_template(self, template_name: str) -> Any:
        if template_name.startswith("ui/"):
            return get_template(template_name).template  # type: ignore[attr-defined]
        return super().get_template(template_name)

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        if template_name.startswith("ui/"):
            return get_template(template_name).render(context, request=request).strip()
        return super().render(template_name, context, request=request)
