"""What a service measures of itself while it runs, and how it reports faults to operators.

The metrics are in ``runtime.metrics`` and in the module ``metrics`` of each service.
"""
