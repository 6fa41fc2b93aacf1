"""The story: read, transform, judge, keep, record. It joins the core with the doors to the world."""
