"""Pipedrive: the CRM that Hermes reads and writes. Quirks and where they are documented: README.md."""
