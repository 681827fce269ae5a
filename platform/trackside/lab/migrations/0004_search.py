from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lab", "0003_kept_threshold"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainedmodel",
            name="search",
            field=models.JSONField(default=dict),
        ),
    ]
