"""The commands of `nbtrack` and `%nbtrack`: one definition, shown where it is asked for."""
