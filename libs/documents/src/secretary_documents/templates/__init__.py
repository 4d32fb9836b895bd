"""Reads templates, asks a language model for the values of their fields, and fills them in.

The template language, the shipped templates, the prompts and the reading of long texts in parts
belong here. Requests to the model's provider belong in ``providers``, results of jobs in
``handlers``.
"""
