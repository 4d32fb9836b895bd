"""Runs code on untrusted bytes in child processes with limits and a kill switch.

``sandbox`` starts children, ``child`` sends requests to a child, and ``limits`` is the code that
runs in the child. A zygote, a process in which the parsers are imported, forks the children. This
package knows no jobs and no handlers, and it imports no other package of the worker.
"""
