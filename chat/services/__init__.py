"""What one can do in chat. Every door calls these; each is one act of the change log."""
