"""The store in a folder: documents, metric logs and artifacts on the local disk."""
