"""The runtime: processes (Accelerate), trackers, reproducible numbers, atomic files."""
