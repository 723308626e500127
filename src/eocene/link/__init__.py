"""Maps and observations as linked data, and GeoSPARQL over them."""
