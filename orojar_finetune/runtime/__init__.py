"""What everything runs on: processes (Accelerate), random draws, devices, precision, atomic files."""
