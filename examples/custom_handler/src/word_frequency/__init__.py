"""A job type of one's own for Secretary: which words a text has most of."""
