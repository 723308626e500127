"""Labelled samples and splits that cannot leak."""
