from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("saved_models", "0004_evaluation_recipe_threshold"),
    ]

    operations = [
        migrations.AddField(
            model_name="evaluationstore",
            name="given",
            field=models.IntegerField(default=0),
        ),
    ]
