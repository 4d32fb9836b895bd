"""Reads files of other formats than PDF: office files, mail, web pages, text, pictures, archives.

``format.py`` lists the formats, and ``detection.py`` finds the format of a file by its content.
Each reader turns a file into the layout model of ``pdf/layout``, so the same writers, chunks and
tables serve all formats. Readers run only in children of the sandbox
(``child.py``); ``sandboxed_file.py`` is the worker's side. ``packages`` reads formats that are ZIP
files, ``markup`` reads text formats, and ``mail`` reads messages. Nothing here knows a job.
"""
