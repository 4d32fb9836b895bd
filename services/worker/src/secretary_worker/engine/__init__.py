"""Decides which job runs when, and runs its handler: claims, leases, timers, reclaim, heartbeat.

This code runs on the engine's event loop; handlers run in ``handler_loop``. The manager fills free
slots, and the runner carries out one attempt. The writes of an attempt belong in ``attempt``. The
engine imports no handler, because the registry names them.
"""
