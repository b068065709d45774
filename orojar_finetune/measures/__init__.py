"""Measures of generators, directions and images, one file each."""
