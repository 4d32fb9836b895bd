"""Templates: their syntax, the fields that a language model fills in, and the text that results.

The template language, the shipped templates, the prompts and the reading of long texts in parts
belong here. Requests to the model's provider belong in ``providers``, results of jobs in
``handlers``.
"""
