"""Fetches and reads web pages and captions.

``download`` fetches a URL through a guarded client. Native code parses a page in a child process of
the sandbox (``page_child``, ``html``). On the worker's side ``page_reader`` sends requests to that
child. Jobs belong in ``handlers``, templates in ``templates``, recordings in ``media``.
"""
