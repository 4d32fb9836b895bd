"""Operator events: faults of the system, reported to operators by webhooks.

Each process reports the faults that it notices (``watch.py``). A notifier decides which event is
due (``rules.py``) and makes its deliveries (``message.py``). The fault in MongoDB is changed by one
notifier alone, so a cause is reported once an hour, however many processes notice it.
"""
