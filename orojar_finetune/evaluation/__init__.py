"""Generators and their directions measured with one set of measures, in numbers, in a table and in a page."""
