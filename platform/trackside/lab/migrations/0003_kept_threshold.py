from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lab", "0002_target_column"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainedmodel",
            name="threshold",
            field=models.FloatField(null=True),
        ),
    ]
