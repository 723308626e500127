"""Where our processes and their descriptions differ from openEO's, each with the reason."""

from __future__ import annotations

OF_OURS = {
    "estimate_applicability",
    "fit_class_random_forest",
    "fit_regr_random_forest",
    "load_applicability",
    "load_encoder",
    "load_ml_model",
    "ml_embed",
    "ml_fit",
    "ml_predict",
    "ml_predict_probabilities",
    "ml_validate_kfold",
    "predict_class",
    "predict_ml_model",
    "predict_ml_model_probabilities",
    "predict_probabilities",
    "predict_random_forest",
    "save_ml_model",
}
"""Processes that openEO does not describe in its released list, beside those that describe models."""

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

DIFFERENT_SCHEMAS: dict[tuple[str, str], str] = {
    ("load_stac", "url"): "files of the workspace may be named",
    ("load_url", "url"): "files of the workspace may be named",
}

TOLERATED = {
    "load_collection": "the extents may be left out, which means null: clients of ours do so",
    "normalized_difference": "null may be given for no-data, as the official cases do",
}
"""What is taken although neither description says so."""

NEVER_RAISED = {
    ("divide", "DivisionByZero"): "a division by zero gives infinity or NaN",
    ("mod", "DivisionByZero"): "a division by zero gives infinity or NaN",
    ("load_stac", "PropertiesUnsupported"): "conditions are checked for any STAC entity",
    ("multiply", "MultiplicandMissing"): "both factors are required",
}

DIFFERENT_RESULTS: dict[str, dict[int, str]] = {}
"""Cases that are right and that we do not meet, with the reason; those that are wrong are errata."""
