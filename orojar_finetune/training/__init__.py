"""Training: fine-tuning and training from scratch, both with Accelerate."""
