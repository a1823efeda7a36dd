"""A fourth system, as somebody would add one: a toy with accounts, in a folder of its own."""
