"""The search language: from the text of a filter to a condition on documents."""
