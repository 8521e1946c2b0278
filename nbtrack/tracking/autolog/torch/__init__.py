"""PyTorch: loops of the user's own, with no trainer."""
