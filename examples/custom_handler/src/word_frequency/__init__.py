"""A job type of your own for Secretary: the most frequent words of a text."""
