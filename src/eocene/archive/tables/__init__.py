"""Tables: Parquet, vectors, series and posts."""
