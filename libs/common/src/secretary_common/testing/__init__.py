"""In-memory twins of the repositories: for the state machine's unit tests, nothing else.

They pass the same contract suite as the MongoDB ones.
"""
