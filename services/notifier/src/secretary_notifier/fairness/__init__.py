"""Which delivery is sent next: API keys and receivers take turns, and a failing receiver pauses.

Nothing here reads the store or sends a request.
"""
