"""Recordings: fetched, reduced to speech, cut at silence, heard; ffmpeg and yt-dlp confined."""
