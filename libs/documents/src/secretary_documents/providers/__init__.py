"""Clients of remote services over HTTP: OCR, language models, transcription.

Here belong the connection to a provider, its retries, limits and errors, and what each interface
sends and returns. Prompts about templates belong in `templates`, web pages in `web`.
"""
