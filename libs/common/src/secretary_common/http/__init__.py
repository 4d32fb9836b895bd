"""Outgoing HTTP: the URL guard, the guarded clients and ``Retry-After``.

Every request to a URL of a client goes through this package. Knowledge about single servers
(providers, receivers, web pages) belongs to the packages that call them.
"""
