"""Salesforce: a place where app users are kept (docs/reference/systems/salesforce.md)."""
