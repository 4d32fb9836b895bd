"""The paths of the API: what each accepts and answers.

Decisions belong to ``jobs`` and ``files``.
"""
