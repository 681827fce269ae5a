"""Forms about projects."""

from django import forms

from trackside.projects import services
from trackside.projects.models import Project, Role


class NewProject(forms.Form):
    name = forms.CharField(
        label="Name", max_length=120, widget=forms.TextInput(attrs={"autofocus": True})
    )
    key = forms.CharField(
        label="Key",
        max_length=40,
        required=False,
        help_text="Stands in every address of the project and never changes. "
        "Made from the name when left empty.",
    )
    description = forms.CharField(
        label="Description", required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"]).strip().upper()
        return services.check_key(key or services.key_from(self.cleaned_data.get("name", "")))


class About(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Project
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}


class NewMember(forms.Form):
    username = forms.CharField(label="User name", max_length=150)
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.EDITOR)
