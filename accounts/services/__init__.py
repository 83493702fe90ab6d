"""Everything that changes people, their sign-ins and their standing."""
