"""One attempt's side of the store: what its handler reports, written in order up to its settlement.

``repository`` is what the handler sees. Its calls become ``commands`` in the ``inbox``; ``writer``
carries them out with ``progress``, ``log`` and ``files``. ``verdict`` and ``settlement`` decide,
without I/O, how the attempt ends. Nothing here knows other jobs: claims belong in ``engine``.
"""
