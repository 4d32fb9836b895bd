"""Reads stored documents one by one: a document that this version cannot read disturbs no other.

Another version, or a repair by hand, may have written a document. Unknown fields are ignored. An
unknown word, such as a new state, belongs to a newer version, and this version leaves the document
alone. A field of another type makes the document unreadable. What happens to it then depends on
its collection: ``mongo.jobs`` and ``mongo.deliveries`` set it aside, the others skip it.
"""
