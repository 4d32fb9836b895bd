"""Clients of remote services over HTTP: OCR, language models, transcription.

The connection to a provider with its retries, limits and errors belongs here. The requests and
responses of each interface belong here too. Prompts for templates belong in ``templates``. Web
pages belong in ``web``.
"""
