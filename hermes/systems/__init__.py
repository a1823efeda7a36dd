"""One folder per outside system; siblings never import each other."""
