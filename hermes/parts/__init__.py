"""What the processes are made of: which systems there are and who plays which role (`roles`, `systems`), and how an
engine, an office and their doors are put together out of the settings (`assembly`).
"""
