"""App users: sign-up, e-mail change, lists, moderation."""
