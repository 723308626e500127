"""The kinds of models, one file each. A new kind is a new file here, or a package's entry point.

A kind is a frozen dataclass of settings and a function that fits, registered by ``model_kind``. Importing
this package imports no learning library: each kind does when it fits.
"""

from eocene.learn.models.kind import Context, Fitted, Kind, find_kind, kind_names, model_kind

__all__ = ["Context", "Fitted", "Kind", "find_kind", "kind_names", "model_kind"]
