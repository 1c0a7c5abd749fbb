from django.db import migrations

from productops.model_templates import add_templates
from productops.template_library import LIBRARY


def load_library(apps, schema_editor):
    """The library that a new installation begins with; what has its name already stays as it is."""
    add_templates(apps.get_model("productops", "ModelTemplate"), LIBRARY)


class Migration(migrations.Migration):

    dependencies = [
        ("productops", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(load_library, migrations.RunPython.noop),
    ]
