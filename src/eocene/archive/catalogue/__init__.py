"""The catalogue: collections and items in SQLite, or in PostgreSQL with pgstac; search, filters, exchange."""
