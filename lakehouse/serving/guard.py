"""What a served session may run: Spark analyses every plan, through whichever door it came, and lets it
be checked before it runs. What is not known here to be harmless is refused.

The check is Python that the JVM calls: the plan of a question has some ten nodes, and to look at them
takes milliseconds. If this process is gone, nothing runs at all.
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from py4j.protocol import Py4JJavaError
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession

from lakehouse.serving import nodes
from lakehouse.serving.roles import Role

# Settings with which a session could get round the check, or at what the process knows.
_LOCKED = (
    "spark.sql.analyzer.singlePassResolver.enabled",
    "spark.sql.analyzer.singlePassResolver.enabledTentatively",
    "spark.sql.analyzer.singlePassResolver.dualRunWithLegacy",
    "spark.sql.analyzer.singlePassResolver.returnSinglePassResultInDualRun",
    "spark.sql.runSQLOnFiles",
    "spark.sql.variable.substitute",
)
# What a client may set, by the address of its session or by Connect; and what Thrift's door
# and Hive's client of JDBC set themselves.
SETTABLE = frozenset(
    ("spark.sql.ansi.enabled", "spark.sql.session.timeZone", "spark.sql.shuffle.partitions")
)
BY_THRIFT = frozenset(
    (
        "hive.server2.thrift.resultset.default.fetch.size",
        "spark.sql.datetime.java8API.enabled",
        "spark.sql.hive.version",
    )
)
# They call any method of any class, or have a schema's address opened and what it refers to.
_GONE = ("java_method", "reflect", "try_reflect", "from_xml", "schema_of_xml")


class _Function:
    """A Python function as Scala knows one."""

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self.call = call

    def apply(self, argument: Any) -> Any:
        return self.call(argument)

    class Java:
        implements = ("scala.Function1",)


def install(spark: SparkSession, role: Role) -> None:
    """Guard every session of this driver but `spark` itself, for good.

    Takes   spark  a session that has run nothing yet
    """
    jvm: Any = spark.sparkContext._jvm
    gateway: Any = spark.sparkContext._gateway
    gateway.callback_server_parameters.propagate_java_exceptions = True
    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
    conf = jvm.org.apache.spark.sql.internal.SQLConf
    for key in _LOCKED:
        conf.registerStaticConfigKey(key)
    builtin = jvm.org.apache.spark.sql.catalyst.analysis.FunctionRegistry.builtin()
    for name in _GONE:
        builtin.dropFunction(jvm.org.apache.spark.sql.catalyst.FunctionIdentifier(name))
    guard = Guard(jvm, role)
    own = spark._jsparkSession
    let, check = _Function(lambda plan: None), _Function(guard.check)

    def rules(session: Any) -> _Function:
        """The check of a session, asked for before it analyses its first plan."""
        if session.equals(own):
            return let
        guard.settings(session, own)
        return check

    own.extensions().injectCheckRule(_Function(rules))


class Guard:
    """The check for one role."""

    def __init__(self, jvm: Any, role: Role) -> None:
        self.jvm = jvm
        self.role = role
        self.python = jvm.org.apache.spark.sql.catalyst.trees.TreePattern.PYTHON_UDF()

    def check(self, plan: Any) -> None:
        """Throw in the JVM what is wrong with a plan."""
        if wrong := self.fault(plan):
            self._refuse(wrong)

    def settings(self, session: Any, own: Any) -> None:
        """Throw in the JVM which setting a session began with that is not its own to choose: JDBC has
        them in the address, and one of them names classes to load, or another storage.
        """
        set_, usual = (one.sessionState().conf().settings() for one in (session, own))
        chosen = self.jvm.java.util.HashMap(set_)
        chosen.entrySet().removeAll(usual.entrySet())
        odd = sorted(set(chosen.keySet()) - SETTABLE - BY_THRIFT)
        if odd:
            self._refuse(f"the setting {odd[0]}; there are {', '.join(sorted(SETTABLE))}")

    def _refuse(self, wrong: str) -> NoReturn:
        sentence = f"not for {self.role.name}s: {wrong}; they read {self.role.means}"
        raise Py4JJavaError(sentence, self.jvm.java.lang.SecurityException(sentence))

    def fault(self, plan: Any) -> str | None:
        """What is wrong with an analysed plan, in words; None where it may run."""
        if plan.containsPattern(self.python):
            return "functions of one's own"
        for name, node in _nodes(plan):
            if name in nodes.QUESTIONS or name in nodes.LOOKS or name in nodes.OWN:
                continue
            if name == nodes.TABLE:
                wrong = self._read(node)
            elif name == nodes.HISTORY:
                wrong = self._named(_schema_of(node.table().catalogTable()))
            elif name == nodes.VIEW and _name(node.viewType()) == nodes.LOCAL_VIEW:
                wrong = None
            else:
                wrong = self._written(name, node)
            if wrong:
                return wrong
        return None

    def _read(self, relation: Any) -> str | None:
        """What is wrong with rows that are read."""
        schema = _schema_of(relation.catalogTable())
        if schema is not None:
            return self._named(schema)
        files = relation.relation()
        is_log = _name(files) == nodes.FILES and _name(files.location()) == nodes.LOG_INDEX
        return None if is_log else "files and other places"

    def _named(self, schema: str | None) -> str | None:
        """What is wrong with a table that is looked at by its name."""
        return None if schema in self.role.schemas else f"tables of {schema or 'another place'}"

    def _written(self, name: str, node: Any) -> str | None:
        """What is wrong with a command that is no mere look: all but the role's own schema."""
        schema: str | None = None
        if name in nodes.MAKE and _is_plain(node.tableSpec()):
            schema = _schema(node.name().identifier())
        elif name == nodes.DROP:
            schema = _schema(node.child().identifier())
        elif name in nodes.FILL and node.table().identifier().isDefined():
            schema = _schema(node.table().identifier().get())
        elif name in nodes.CHANGE:
            schema = _schema_of(node.catalogTable())
        return None if schema is not None and schema == self.role.writes else _words(name)


def _is_plain(made: Any) -> bool:
    """Whether a table is to be made where its schema lies, as Delta makes them."""
    is_open = _name(made) == nodes.OPEN_SPEC  # its options are expressions still
    options = made.optionExpression().options() if is_open else made.options()
    provider = made.provider()
    is_delta = provider.isEmpty() or provider.get() == "delta"
    return bool(is_delta and made.location().isEmpty() and options.isEmpty())


def _schema(identifier: Any) -> str | None:
    """Of a table's full name."""
    spaces = list(identifier.namespace())
    return str(spaces[0]) if len(spaces) == 1 else None


def _schema_of(known: Any) -> str | None:
    """Of a table of the catalogue, where it is one."""
    if known.isEmpty():
        return None
    database = known.get().identifier().database()
    return str(database.get()) if database.isDefined() else None


def _nodes(plan: Any) -> Iterator[tuple[str, Any]]:
    """Every node of a plan with its class: those of questions within questions, and of what a command
    keeps, too.
    """
    waiting = [plan]
    while waiting:
        node = waiting.pop()
        name = _name(node)
        yield name, node
        parts = [node.children(), node.subqueries()]
        if name in nodes.KEEP:
            parts.append(node.innerChildren())
        if name == nodes.MERGE:
            waiting.append(node.source())
        waiting += [more.apply(index) for more in parts for index in range(more.size())]


def _name(what: Any) -> str:
    """Of its class."""
    return str(what.getClass().getName())


def _words(name: str) -> str:
    """`ShowCreateTableCommand` as a person says it: show create table."""
    short = name.rpartition(".")[2].strip("$").removesuffix("Command")
    return "".join(f" {one.lower()}" if one.isupper() else one for one in short).strip()
