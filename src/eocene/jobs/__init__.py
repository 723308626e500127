"""Durable state: users, jobs, layers and the worker."""

from eocene.jobs.accounts.quota import Quota
from eocene.jobs.accounts.register import Accounts
from eocene.jobs.accounts.users import Users
from eocene.jobs.job import LOCAL_USER, Job, format_instant
from eocene.jobs.layers import Layer, Layers, describe_extent, list_layer
from eocene.jobs.store import JobStore
from eocene.jobs.worker import run_worker

__all__ = [
    "LOCAL_USER",
    "Accounts",
    "Job",
    "JobStore",
    "Layer",
    "Layers",
    "Quota",
    "Users",
    "describe_extent",
    "format_instant",
    "list_layer",
    "run_worker",
]
