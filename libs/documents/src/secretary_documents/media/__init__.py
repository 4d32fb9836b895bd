"""Turns a recording at a URL into a transcript.

The calls of ffmpeg and yt-dlp with their limits belong here, with file formats, silence and the
pieces of audio to transcribe. Requests to the transcription provider belong in ``providers``, the
parser of captions in ``web``.
"""
