"""Pure rules and values: no I/O, no SQL, no HTTP."""
