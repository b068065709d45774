"""Opens what a person types as networks: finds, pins, downloads, verifies, reads, and builds."""
