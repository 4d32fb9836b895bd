"""The job type ``document``: reads a file of any format, with the files inside it.

PDFs and pictures are read as a ``pdf`` job reads them, by ``handlers/pdf``. ``document_reader.py``
needs no job, so ``secretary_documents.extract`` uses it too.
"""
