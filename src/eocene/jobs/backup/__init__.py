"""Backups of a workspace, made while it runs, and the way back."""

from eocene.jobs.backup.folder import BackupFolder, Entry, Snapshot
from eocene.jobs.backup.restore import restore_workspace
from eocene.jobs.backup.save import Saved, back_up

__all__ = ["BackupFolder", "Entry", "Saved", "Snapshot", "back_up", "restore_workspace"]
