"""What everything runs on: processes (Accelerate), trackers, reproducible numbers, atomic files."""
