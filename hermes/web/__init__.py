"""HTTP in: authenticate raw bytes, commit an event, answer."""
