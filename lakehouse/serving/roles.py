"""Who is served, and what of the tables is theirs. Open Spark has no rights of its own: a server process
serves one role with that role's key of the storage, and a guard before every plan (guard.py).
"""

from dataclasses import dataclass

from lakehouse.errors import UnknownName


@dataclass(frozen=True)
class Role:
    """One kind of people.

    means   what they read
    key     whose key of the storage it is (keys.limited)
    reads   the layers whose tables they may name
    writes  the schema in which they may make tables of their own
    """

    name: str
    means: str
    key: str
    reads: tuple[str, ...]
    writes: str | None = None

    @property
    def schemas(self) -> tuple[str, ...]:
        """All schemas that they may name."""
        return (*self.reads, self.writes) if self.writes else self.reads


SANDBOX = "sandbox"

ROLES = (
    Role("analyst", "gold", "reader", ("gold",)),
    Role(
        "scientist",
        "silver and gold, and write in a sandbox",
        "scientist",
        ("silver", "gold"),
        SANDBOX,
    ),
)


def by_name(name: str) -> Role:
    """The role of a name; raises UnknownName."""
    known = {role.name: role for role in ROLES}
    if name not in known:
        raise UnknownName("role", name, known)
    return known[name]
