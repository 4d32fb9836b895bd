"""Writes the reports of one attempt's handler to the store, in order, up to the settlement.

The handler calls the ``repository``. The calls become ``commands`` in the ``inbox``, and ``writer``
carries them out with ``progress``, ``log_writer`` and ``files``. ``verdict`` and ``settlement``
decide, without I/O, how the attempt ends. Code that concerns several jobs, such as claims, belongs
in ``engine``.
"""
