"""Builds the services of the routes.

``api_dependencies`` takes what they need from the settings and the store, and ``services`` builds
them. What the process needs besides, such as its server, belongs in ``main``.
"""
