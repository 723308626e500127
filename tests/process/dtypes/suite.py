"""All cases, by family and dtype."""

from __future__ import annotations

from tests.process.dtypes import series, values

FAMILIES = {
    "arithmetic": values.arithmetic,
    "functions": values.functions,
    "comparison": values.comparisons,
    "logic": values.logic,
    "reducers": series.reducers,
}
