"""What a command line says: options that several commands take, ``NAME=VALUE``, and files."""
