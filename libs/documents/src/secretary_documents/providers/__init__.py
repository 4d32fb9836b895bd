"""Providers the worker asks over HTTP: to read pages, to answer, to transcribe."""
