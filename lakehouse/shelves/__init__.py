"""What stands on a shelf, as a level from when to when: out of tags, and out of weight."""
