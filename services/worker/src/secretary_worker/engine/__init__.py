"""Decides which job runs when, and runs its handler: claims, leases, timers, reclaim, heartbeat.

All of it runs on the engine's event loop, except handlers, which run in ``handler_loop``. The
manager fills free slots, the runner carries out one attempt. What an attempt writes belongs in
``attempt``. Nothing here imports a handler: the registry names them.
"""
