"""Evaluates generators and their directions: figures, a table, and a report page."""
