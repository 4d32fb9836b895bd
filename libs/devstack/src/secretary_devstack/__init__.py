"""Real servers and services as local processes, for demo, tests, benches and chaos runs.

Everything listens on 127.0.0.1 and ends with the process that started it. Production code never
imports this package. Test data and assertions belong to ``tests/support``.
"""
