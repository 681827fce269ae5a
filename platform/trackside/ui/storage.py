"""Static files by the hash of their content, so that browsers may keep them for ever."""

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also rewrites `import` in ES modules. Without a manifest (tests) the plain name serves."""

    support_js_module_import_aggregation = True

    def url(self, name: str, force: bool = False) -> str:
        if settings.TESTING and not self.hashed_files and not force:
            return f"{settings.STATIC_URL}{name}"
        return str(super().url(name, force))
