"""Autolog of LightGBM."""
