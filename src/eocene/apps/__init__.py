"""Applications, one file each, composed only of the rooms."""
