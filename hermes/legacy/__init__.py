"""The import of an older Hermes's database: a folder that can be deleted as a whole, with its lines in `parts`, in
`cli` and among the import contracts.
"""
