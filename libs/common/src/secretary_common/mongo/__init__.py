"""MongoDB, the truth: the only package that talks to it."""
