"""The paths: what each takes and gives; nothing is decided here."""
