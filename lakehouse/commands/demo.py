"""Soon."""

COMMANDS = ()
