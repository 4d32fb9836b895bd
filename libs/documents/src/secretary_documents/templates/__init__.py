"""Templates: their syntax, the fields that a language model fills in, and the text that results.

Here belong the template language, the shipped templates, the prompts and the way long texts are
read in parts. Requests to the model's provider belong in `providers`, results of jobs in
`handlers`.
"""
