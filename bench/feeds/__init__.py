"""What the feeds say against what was true."""
