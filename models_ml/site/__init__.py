"""One static site that opens from disk: how it works, lineage, data quality, the API, what was measured."""

from models_ml.site.build import build_site

__all__ = ["build_site"]
