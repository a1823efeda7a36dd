"""The tables and the SQL: the only room that speaks to Postgres. Here are the stores, by table; beside them the schema,
the server, and what people ask (`reads`).
"""
