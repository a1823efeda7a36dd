"""Google Calendar: where meetings stand and whose calendars say who is busy. Quirks and sources: README.md."""
