"""Benchmarks: ``make bench`` measures this machine and writes docs/performance.md.

Everything runs against the real server (``manage.py serve``), started for it in a throwaway folder,
and against 127.0.0.1 alone. ``python -m bench --help`` tells of the parts.
"""
