"""What pollers ask for, answered on the event loop ahead of Django."""
