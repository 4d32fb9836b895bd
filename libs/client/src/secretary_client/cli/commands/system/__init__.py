"""Commands on the system: its job types, load, faults and keys, and its tools for models."""
