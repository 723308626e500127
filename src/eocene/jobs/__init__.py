"""Durable state: users, jobs, layers and the worker."""
