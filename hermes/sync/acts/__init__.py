"""The door in: what carries an act out (one module a subject), who may say it (registry), and how it is applied."""
