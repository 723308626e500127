"""How processes compute: what the families of processes share."""
