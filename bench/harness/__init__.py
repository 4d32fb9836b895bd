"""What every bench shares: systems under test, load, counters, results, tables and pictures.

A bench of its own, such as ``burst``, is a module of the parent folder. The applications of other
job systems belong in ``peers``, because they run in a Python environment of their own.
"""
