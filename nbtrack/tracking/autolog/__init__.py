"""Autolog: what frameworks do, recorded without a line of code."""
