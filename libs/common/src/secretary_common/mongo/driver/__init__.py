"""Calls the MongoDB driver: clients, collections, transactions, groups of writes, errors.

The repositories reach MongoDB only through ``DatabaseClient`` and ``Collection``, which hide the
differences between the two drivers and raise Secretary's errors. Here is no knowledge of jobs,
deliveries or files.
"""
