"""Autolog: trainings recorded without code, by hooks in the functions of frameworks."""
