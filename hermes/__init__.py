"""Hermes keeps a business's customer records in step between its product, its CRM, its calendar and its website."""

__version__ = '0.1.0'
