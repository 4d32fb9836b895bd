"""Commands on jobs: submit, follow, list, change, and their files."""
