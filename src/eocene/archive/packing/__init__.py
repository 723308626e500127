"""Products as they are packed: folders, zip and tar files, XML."""
