"""Recordings: from the address of a recording to a transcript.

ffmpeg and yt-dlp with their limits, file formats, silence and the pieces of speech to transcribe
belong here. Requests to the transcription provider belong in ``providers``, captions in ``web``.
"""
