"""Runs code on untrusted bytes in child processes with limits and a kill switch.

``sandbox`` starts children, ``child`` talks to one, ``limits`` is the code inside of it. A child is
forked from a zygote, a process that has the parsers imported. Nothing here knows jobs or handlers,
and nothing here is imported from the rest of the worker.
"""
