"""The tables and the SQL: the only room that speaks to Postgres."""
