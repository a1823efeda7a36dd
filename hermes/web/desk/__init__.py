"""The desk: where people configure Hermes, see everything and mend anything (docs/reference/admin.md)."""
