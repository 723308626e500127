"""The other formats of pixels, one raster class each."""
