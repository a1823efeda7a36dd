"""The engine: ingest, push, resolve, sweep, replay, worker."""
