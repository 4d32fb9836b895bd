"""The built-in job types, one package each, and the code that their handlers share.

A handler checks its parameters, calls the packages that do the work, reports progress and builds
the result. Code that reads PDFs, web pages or recordings belongs in ``pdf``, ``web`` and ``media``.
Code that calls a provider belongs in ``providers``.
"""
