"""How static files are named and served."""

from __future__ import annotations

from typing import Any

import brotli
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Where an ES module names another one. Django has patterns for this too, but they cross statements
# (a file is then given two hashes, and is not found) and see imports in JSDoc and in other people's
# bundles. These end at the first quote, and look at our modules and the copied libraries alone.
_NAMES = r"(?P<names>\s*[\w$\s{},*]+?)\bfrom\s*"
_PATH = r"""["'](?P<url>\.{1,2}/[^"']+)["']"""
_MODULES = (
    (rf"(?P<matched>(?<![\w@.])import{_NAMES}{_PATH})", 'import%(names)sfrom "%(url)s"'),
    (rf"(?P<matched>(?<![\w@.])export{_NAMES}{_PATH})", 'export%(names)sfrom "%(url)s"'),
    (rf"(?P<matched>(?<![\w@.])import\s*{_PATH})", 'import "%(url)s"'),
    (rf"(?P<matched>(?:(?<=await )|(?<=return )|(?<==> ))import\({_PATH}\))", 'import("%(url)s")'),
)


# Bytes from which a file is some library's bundle: squeezing the last percent out of it would make
# the first start wait for ten seconds.
_LARGE = 64 * 1024


class QuickCompressor(Compressor):  # type: ignore[misc]  # WhiteNoise has no types
    """Best compression for small files, quick compression for large ones."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        """The data in Brotli's form."""
        compressed: bytes = brotli.compress(data, quality=5 if len(data) >= _LARGE else 9)
        return compressed


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """Hashed names, also inside the imports of ES modules, so that everything can be cached for good."""

    keep_intermediate_files = False
    # A pass carries a new hash one step up the imports; Django's five are fewer than ours are deep.
    max_post_process_passes = 50
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", _MODULES),
        ("vendor/*.js", _MODULES),
    )

    def create_compressor(self, **options: Any) -> Compressor:
        """WhiteNoise's hook."""
        return QuickCompressor(**options)
