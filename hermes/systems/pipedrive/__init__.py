"""Pipedrive: the CRM that Hermes reads and writes. Quirks and where they are documented: README.md."""

from hermes.systems.pipedrive.system import Pipedrive

__all__ = ['Pipedrive']
