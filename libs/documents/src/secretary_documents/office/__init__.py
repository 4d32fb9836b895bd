"""Formats that LibreOffice converts, because no library reads them: doc and ppt.

``libre_office`` starts a program with limits for each file, and ``kit`` is that program.
"""
