"""HTTP itself: middleware, request bodies, cursors, errors as answers.

Modules here decide nothing about jobs and files, and do not use the store.
"""
