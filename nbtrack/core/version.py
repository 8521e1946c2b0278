"""The version of nbtrack."""

VERSION = "0.1.0"
