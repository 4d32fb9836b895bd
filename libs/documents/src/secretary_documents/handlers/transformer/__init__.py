"""The `transformer` job: a text or a web page is filled into a template, or translated.

Here belong its parameters, its steps and its result. The templates belong in `templates`.
"""
