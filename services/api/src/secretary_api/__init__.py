"""The API's process: it takes requests over HTTP, checks them, and reads and writes the store.

Here belongs all that a request needs: authentication, the schemas on the wire, submission, queries,
actions, uploads and downloads. The API runs no job and sends no webhook. It rings the doorbells of
the workers and notifiers, and they do the work. Models and the store belong to
``secretary_common``.
"""
