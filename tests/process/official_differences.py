"""Where our processes and their descriptions differ from openEO's, each with the reason."""

from __future__ import annotations

OF_OURS = {"load_ml_model", "ml_predict"}
"""Processes that openEO does not describe in its released list."""

NOT_OFFERED = {
    "ard_normalized_radar_backscatter",
    "ard_surface_reflectance",
    "atmospheric_correction",
    "export_collection",
    "run_ogcapi",
    "run_ogcapi_externally",
    "run_udf_externally",
}
"""Processes that openEO proposes and that we lack; of those it has released we lack none."""

DIFFERENT_PARAMETERS = {
    ("load_collection", "spatial_extent"): "may be left out, which means null: clients of ours do so",
    ("load_collection", "temporal_extent"): "may be left out, which means null: clients of ours do so",
}

DIFFERENT_SCHEMAS: dict[tuple[str, str], str] = {
    ("apply_polygon", "process"): "openEO's has a schema inside the schema of what is returned",
    ("load_stac", "url"): "files of the workspace may be named",
    ("load_url", "url"): "files of the workspace may be named",
    ("normalized_difference", "x"): "no-data may be given, as the official cases do",
    ("normalized_difference", "y"): "no-data may be given, as the official cases do",
}

NEVER_RAISED = {
    ("divide", "DivisionByZero"): "a division by zero gives infinity or NaN",
    ("mod", "DivisionByZero"): "a division by zero gives infinity or NaN",
    ("load_stac", "PropertiesUnsupported"): "conditions are checked for any STAC entity",
    ("multiply", "MultiplicandMissing"): "both factors are required",
}

DIFFERENT_RESULTS: dict[str, dict[int, str]] = {}
"""Cases that are right and that we do not meet, with the reason; those that are wrong are errata."""
