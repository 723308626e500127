"""Code of users: offered where it can be kept apart, or as the operator says.

Source: openEO processes 2.0, ``run_udf``.
"""

from __future__ import annotations

from eocene.process.udf import offer_where_possible

offer_where_possible()
