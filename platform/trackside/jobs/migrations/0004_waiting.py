from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_recovery")]

    operations = [
        migrations.AddField(
            model_name="job", name="waits_since", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="job", name="paused_at", field=models.DateTimeField(null=True)
        ),
    ]
