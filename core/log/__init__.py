"""The change log: streams of changes, each with the next offset of its stream.

Every durable change goes through ``append_many`` (or ``execute``, which batches for it), inside
the transaction that makes the change. Whoever needs to know registers an announcer; whoever
missed something reads the log. The log knows no room and no message: events render themselves.
"""
