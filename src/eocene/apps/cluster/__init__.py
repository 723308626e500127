"""The demonstration on many hosts: the same job as on one machine, and the same bytes."""

from eocene.apps.cluster.demo import run_cluster_demo

__all__ = ["run_cluster_demo"]
