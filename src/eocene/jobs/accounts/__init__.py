"""Accounts: users and who they are elsewhere, their tokens, projects, limits, and the audit log."""
