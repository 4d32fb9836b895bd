"""Files on their way in and out: uploads of clients, results, files and archives of jobs.

Parsing of request bodies belongs to ``http``; the store of the bytes to ``secretary_common``.
"""
