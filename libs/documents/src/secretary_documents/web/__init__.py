"""Fetches and reads web pages and captions.

``download`` fetches a URL through a guarded client. A page is parsed by native code in a child
process of the sandbox (``page_child``, ``html``), and the worker's side asks that child
(``page_reader``). The package knows no jobs and no templates. Recordings belong to ``media``.
"""
