from django.db import migrations, models
from django.db.migrations.state import StateApps


def since_made(apps: StateApps, _schema: object) -> None:
    """Of a version that is active, nobody noted since when: it is so since it was made."""
    versions = apps.get_model("saved_models", "Version").objects
    versions.filter(active=True).update(activated_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("saved_models", "0001_initial")]

    operations = [
        migrations.AddField("version", "activated_at", models.DateTimeField(null=True)),
        migrations.RunPython(since_made, migrations.RunPython.noop),
    ]
