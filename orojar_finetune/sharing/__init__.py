"""What others get to see: the model folder, its card, the Hub, exports."""
