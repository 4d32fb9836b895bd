"""Real servers on a bare machine, the services as processes, and a webhook receiver.

What the demo, the end-to-end tests, the benches and the chaos runs stand on. Everything listens on
127.0.0.1, everything started here dies with the process that started it.
"""
