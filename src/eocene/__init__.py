"""Eocene: from satellite archives to answers."""

from eocene._version import __version__

__all__ = ["__version__"]
