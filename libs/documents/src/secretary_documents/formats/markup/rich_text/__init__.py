"""Reads rich text (RTF), also that of Outlook mails."""
