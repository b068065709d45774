"""Generators and their directions measured by one set of measures: figures, a table, a page."""
