"""Real servers and services as local processes, for demo, tests, benches and chaos runs.

All of them listen on 127.0.0.1. Local processes end with the process that started them. Production
code does not import this package. Test data and assertions belong in ``tests/support``.
"""
