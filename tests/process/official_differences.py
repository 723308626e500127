"""Where our processes and their descriptions differ from openEO's, each with the reason."""

from __future__ import annotations

OF_OURS = {"load_ml_model", "ml_predict"}
"""Processes that openEO does not describe in its released list."""

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

UNMARKED = {
    "aggregate_spatial_window",
    "export_workspace",
    "filter_vector",
    "fit_curve",
    "load_geojson",
    "load_stac",
    "load_uploaded_files",
    "load_url",
    "predict_curve",
    "reduce_spatial",
    "stac_modify",
    "vector_buffer",
    "vector_reproject",
    "vector_to_random_points",
    "vector_to_regular_points",
}
"""Processes that are not marked as experimental, though openEO only proposes them."""

NEVER_RAISED = {
    ("divide", "DivisionByZero"): "a division by zero gives infinity or NaN",
    ("mod", "DivisionByZero"): "a division by zero gives infinity or NaN",
    ("multiply", "MultiplicandMissing"): "both factors are required",
}

UNSAID_ERRORS: dict[str, tuple[str, ...]] = {
    "add_dimension": ("DimensionExists",),
    "aggregate_spatial": ("TargetDimensionExists",),
    "aggregate_temporal": (
        "DimensionNotAvailable",
        "DistinctDimensionLabelsRequired",
        "TemporalExtentEmpty",
        "TooManyDimensions",
    ),
    "aggregate_temporal_period": (
        "DimensionNotAvailable",
        "TooManyDimensions",
    ),
    "apply_dimension": ("DimensionNotAvailable",),
    "apply_kernel": ("KernelDimensionsUneven",),
    "apply_neighborhood": (
        "DataCubePropertiesImmutable",
        "DimensionNotAvailable",
    ),
    "apply_polygon": ("GeometriesOverlap",),
    "dimension_labels": ("DimensionNotAvailable",),
    "drop_dimension": (
        "DimensionLabelCountMismatch",
        "DimensionNotAvailable",
    ),
    "filter_bands": (
        "BandFilterParameterMissing",
        "DimensionMissing",
    ),
    "filter_labels": ("DimensionNotAvailable",),
    "filter_temporal": (
        "DimensionNotAvailable",
        "TemporalExtentEmpty",
    ),
    "flatten_dimensions": (
        "DimensionNotAvailable",
        "TargetDimensionExists",
    ),
    "load_collection": (
        "NoDataAvailable",
        "TemporalExtentEmpty",
    ),
    "load_stac": (
        "NoDataAvailable",
        "PropertiesUnsupported",
        "TemporalExtentEmpty",
    ),
    "load_uploaded_files": (
        "FileNotFound",
        "FormatUnsuitable",
    ),
    "load_url": ("FormatUnsuitable",),
    "mask": ("IncompatibleDataCubes",),
    "merge_cubes": (
        "IncompatibleGeometryTypes",
        "OverlapResolverMissing",
    ),
    "ndvi": (
        "BandExists",
        "DimensionAmbiguous",
        "NirBandAmbiguous",
        "RedBandAmbiguous",
    ),
    "reduce_dimension": ("DimensionNotAvailable",),
    "rename_dimension": (
        "DimensionExists",
        "DimensionNotAvailable",
    ),
    "rename_labels": (
        "LabelExists",
        "LabelMismatch",
        "LabelNotAvailable",
        "LabelsNotEnumerated",
    ),
    "resample_cube_temporal": (
        "DimensionMismatch",
        "DimensionNotAvailable",
    ),
    "save_result": (
        "DataCubeEmpty",
        "FormatUnsuitable",
    ),
    "unflatten_dimension": (
        "DimensionNotAvailable",
        "TargetDimensionExists",
    ),
    "vector_buffer": ("UnitMismatch",),
    "vector_reproject": ("DimensionNotAvailable",),
    "vector_to_random_points": ("CountMismatch",),
    "vector_to_regular_points": ("UnitMismatch",),
}
"""Process → errors that it raises by openEO's name, but does not list."""

DIFFERENT_RESULTS: dict[str, dict[int, str]] = {}
"""Cases that are right and that we do not meet, with the reason; those that are wrong are errata."""
