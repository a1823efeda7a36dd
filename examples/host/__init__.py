"""A small host application that keeps its readers in a CRM by way of Hermes (examples/host/README.md)."""
