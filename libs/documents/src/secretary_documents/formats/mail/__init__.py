"""Reads mails: their headers and text as one document, and attachments as files inside the file."""
