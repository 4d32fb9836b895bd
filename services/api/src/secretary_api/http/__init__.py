"""HTTP itself: middleware, request bodies, cursors, errors as answers.

Modules here know nothing of jobs, files or the store.
"""
