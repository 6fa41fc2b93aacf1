"""bronze: from landed lines to messages whose envelope can be read."""
