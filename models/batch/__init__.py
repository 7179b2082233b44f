"""Batch versions: rows, splits and fits in a process of their own (`headrace train`), and the scorer of workers."""
