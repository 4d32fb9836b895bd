"""Code that the services and the handler packages share.

Here belong the values and ports of the domain, the implementations of the ports, the rules of jobs
and webhooks, settings, HTTP, secrets and the parts of a running process. Code that only one service
needs belongs to that service.
"""
