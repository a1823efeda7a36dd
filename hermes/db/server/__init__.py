"""The server beneath: the embedded Postgres, and a whole database saved, copied and emptied."""
