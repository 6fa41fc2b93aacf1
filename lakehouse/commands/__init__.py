"""The commands of `lakehouse`, a file a kind; each is thin and calls the library."""
