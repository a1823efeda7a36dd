"""What Hermes costs, side by side with a stated limit. Reported, never asserted."""
