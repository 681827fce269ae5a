"""Forms about people."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from trackside.accounts.models import User

LIFETIMES = ((30, "30 days"), (90, "90 days"), (365, "1 year"), (0, "No end"))
username_rule = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    "A user name begins with a letter or digit and goes on with letters, digits, . - and _.",
)


class SignIn(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class Name(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["display_name", "email"]
        labels = {"display_name": "Name", "email": "E-mail"}


class NewPassword(forms.Form):
    """`user` is whose password it becomes: the rules compare it with their name."""

    old = forms.CharField(
        label="Present password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label="New password",
        strip=False,
        help_text="At least 10 characters; a sentence is good.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        old = str(self.cleaned_data["old"])
        if not self.user.check_password(old):
            raise ValidationError("That is not your present password.")
        return old

    def clean_new(self) -> str:
        new = str(self.cleaned_data["new"])
        password_validation.validate_password(new, self.user)
        return new


class NewToken(forms.Form):
    name = forms.CharField(label="What is it for?", max_length=80)
    lifetime = forms.TypedChoiceField(label="Valid for", choices=LIFETIMES, coerce=int, initial=90)


class NewUser(forms.Form):
    username = forms.CharField(label="User name", max_length=80, validators=[username_rule])
    display_name = forms.CharField(label="Name", max_length=80, required=False)
    password = forms.CharField(
        label="First password",
        strip=False,
        help_text="At least 10 characters. They can change it on their account page.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    staff = forms.BooleanField(
        label="Administrator: makes users, sees the audit log", required=False
    )

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError(f"There is already a user called {name}.")
        return name

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(
            password, User(username=self.cleaned_data.get("username", ""))
        )
        return password


class ResetPassword(forms.Form):
    password = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password, self.user)
        return password
