"""How static files are named and served."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # the library has no types
    """Hashed names, also inside the imports of ES modules, so that everything can be cached for good."""

    support_js_module_import_aggregation = True
