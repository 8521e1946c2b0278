"""Autolog of XGBoost."""
