"""What comparisons said of a version's engines stands in a list of its own."""

from typing import Any

from django.db import migrations, models


def move(apps: Any, schema_editor: Any) -> None:
    """The last comparison of a GPU with the CPU was one of the facts."""
    versions = apps.get_model("saved_models", "Version").objects
    for one in versions.filter(facts__has_key="parity").iterator():
        told = one.facts["parity"]
        one.parity = [{"engine": "own", "when": one.created_at.isoformat(), **told}]
        one.save(update_fields=["parity"])


class Migration(migrations.Migration):
    dependencies = [
        ("saved_models", "0005_evaluationstore_given"),
    ]

    operations = [
        migrations.AddField(
            model_name="version",
            name="parity",
            field=models.JSONField(default=list),
        ),
        migrations.RunPython(move, migrations.RunPython.noop),
    ]
