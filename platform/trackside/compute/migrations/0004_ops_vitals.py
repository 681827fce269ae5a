from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compute", "0003_fleet")]

    operations = [
        migrations.AddField(model_name="node", name="vitals", field=models.JSONField(default=dict)),
    ]
