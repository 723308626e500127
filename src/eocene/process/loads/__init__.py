"""From what a load process asks for to a source of pixels: extents, conditions, catalogues, files."""
