"""Setting an installation up, and looking whether it is healthy: below the command line and the web, so that both are
one code (ADM-1).

A module a subject: what doctor looks at there (`examine_*` reads the database, `ask_*` asks a system), what there is to
choose (`offer_*`: plain data), and the act that does what was chosen. Nothing here speaks with a person or reads the
settings: what it has to know of them is a `Site`.
"""
