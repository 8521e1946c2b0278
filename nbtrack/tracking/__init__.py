"""The verbs of a script: the fluent functions, `Tracker`, the active run."""
