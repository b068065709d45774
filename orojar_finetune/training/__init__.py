"""Everything that runs through Accelerate."""
