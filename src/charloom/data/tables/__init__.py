"""Rows of tables: delimited text, JSON and parquet."""
