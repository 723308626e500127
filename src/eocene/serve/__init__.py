"""HTTP: openEO, STAC, tiles, series, SPARQL and the page."""
