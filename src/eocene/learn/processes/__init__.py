"""The processes that bring models into graphs. Importing them needs no package of the extra.

Source: openEO processes, proposals of the category machine learning; docs/registry.md says where ours differ.
"""

from eocene.learn import clouds
from eocene.learn.processes import (
    aliases,
    applicability,
    embedding,
    fitting,
    initialisers,
    predicting,
    storing,
)

__all__ = ["aliases", "applicability", "embedding", "fitting", "initialisers", "predicting", "storing"]

clouds.offer()
