from django.db import migrations

from productops.model_templates.stored import add_templates
from productops.model_templates.library import LIBRARY


def load_library(apps, schema_editor):
    """The library that a new installation begins with; what has its name already stays as it is."""
    models = (apps.get_model("productops", name) for name in ("ModelTemplate", "HistoricalModelTemplate"))
    add_templates(*models, LIBRARY)


class Migration(migrations.Migration):

    dependencies = [
        ("productops", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(load_library, migrations.RunPython.noop),
    ]
