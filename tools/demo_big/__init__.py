"""A database as large as a busy office makes it in years, in minutes (`make demo-big`).

The engine itself writes a few stories in a scratch database, beside the emulated outside world; each is then told of
thousands of other companies: other names, ids and times in the very rows that the engine wrote. So whatever holds of
its rows (journal, mirrors, links, keys, ledgers) holds of these.
"""
