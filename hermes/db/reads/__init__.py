"""What people ask: status, trace, blame, checks and lists, over connections on which nothing is written."""
