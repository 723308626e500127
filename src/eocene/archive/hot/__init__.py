"""Materialised areas: their index, places and locks."""
