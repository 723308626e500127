"""``python -m eocene.cli`` is ``eocene``."""

from eocene.cli import main

main()
