"""Commands for people who work on Hermes; nothing here runs in production."""
