"""TutorCruncher: the source of most of what Hermes knows. Quirks and where they are documented: README.md."""
