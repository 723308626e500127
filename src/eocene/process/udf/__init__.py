"""Code of users inside a graph, behind walls.

``contract`` is the process, ``owners`` whose code it is, ``runners`` who runs it; ``pool``, ``sandbox``,
``walls`` and ``seccomp`` keep it apart, and what is in ``inside`` runs there.
"""

from eocene.process.udf.contract import (
    UdfCall,
    UdfRunner,
    offer_udfs,
    offered_runner,
    offering,
    reason_of_none,
    withdraw_udfs,
)
from eocene.process.udf.limits import Limits, UdfError
from eocene.process.udf.runners import SandboxRunner, UnsafeRunner, offer_where_possible

__all__ = [
    "Limits",
    "SandboxRunner",
    "UdfCall",
    "UdfError",
    "UdfRunner",
    "UnsafeRunner",
    "offer_udfs",
    "offer_where_possible",
    "offered_runner",
    "offering",
    "reason_of_none",
    "withdraw_udfs",
]
