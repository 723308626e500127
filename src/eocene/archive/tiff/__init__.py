"""TIFF, GeoTIFF and COG, read by ranges and decoded here."""
