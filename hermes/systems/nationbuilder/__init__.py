"""NationBuilder: the adapter (`system.NationBuilder`) and its profile. API v2 alone."""
