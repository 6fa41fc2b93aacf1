"""gold in PostgreSQL, for tools that want a database.

server   a PostgreSQL of this machine, for tests and the demo
connect  a connection to any, its password out of the environment
shape    what a declared table is in PostgreSQL: columns, key, comments, rights
tables   a table's newest version into it, in one transaction
"""
