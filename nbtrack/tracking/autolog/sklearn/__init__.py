"""Autolog of scikit-learn."""
