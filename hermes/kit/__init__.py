"""Leaf pieces without business words: clock, ids, signing, redaction, backoff. Imports nothing of Hermes."""
