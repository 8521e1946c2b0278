"""Cells of a notebook: which are tracked, what happens around them, what is kept of them."""
