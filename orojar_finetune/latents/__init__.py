"""Directions and their file, the spaces they move in, recipes of pictures."""
