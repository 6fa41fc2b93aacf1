"""What Spark may run for a role: plans as Spark analysed them, none of which is run."""

import pytest

from lakehouse.serving import guard, roles
from lakehouse.serving.roles import SANDBOX

ANALYST, SCIENTIST = roles.by_name("analyst"), roles.by_name("scientist")
ASKED = [
    "SELECT count(*) FROM gold.hours",
    "SELECT shop, sum(cents) FROM gold.hours WHERE cents > 0 GROUP BY shop HAVING count(*) > 1",
    "SELECT * FROM gold.hours WHERE cents = (SELECT max(cents) FROM gold.hours)",
    "WITH a AS (SELECT shop FROM gold.hours) SELECT * FROM a JOIN a AS b USING (shop) ORDER BY 1 LIMIT 3",
    "SELECT *, rank() OVER (PARTITION BY shop ORDER BY cents) FROM gold.hours",
    "SELECT * FROM (SELECT shop, cents FROM gold.hours) PIVOT (sum(cents) FOR shop IN ('a', 'b'))",
    "SELECT explode(array(1, 2)) UNION ALL SELECT id FROM range(3)",
    "SELECT * FROM gold.hours VERSION AS OF 0",
    "SELECT * FROM VALUES (1), (2) AS t(x)",
    "SHOW TABLES IN gold",
    "SHOW SCHEMAS",
    "SHOW COLUMNS IN gold.hours",
    "DESCRIBE EXTENDED gold.hours",
    "DESCRIBE HISTORY gold.hours",
    "DESCRIBE FUNCTION sum",
    "EXPLAIN SELECT * FROM gold.hours",
    "USE gold",
    "CREATE TEMPORARY VIEW mine AS SELECT shop FROM gold.hours",
]
REFUSED = [
    ("SELECT * FROM silver.readings", "tables of silver"),
    (
        "SELECT * FROM gold.hours WHERE cents IN (SELECT cents FROM silver.readings)",
        "tables of silver",
    ),
    ("CREATE TEMPORARY VIEW mine AS SELECT * FROM silver.readings", "tables of silver"),
    ("INSERT INTO gold.hours SELECT * FROM gold.hours", "append data"),
    ("INSERT OVERWRITE gold.hours SELECT * FROM gold.hours", "overwrite"),
    ("DELETE FROM gold.hours", "delete"),
    ("UPDATE gold.hours SET cents = 0", "update"),
    (
        "MERGE INTO gold.hours AS t USING gold.hours AS s ON t.shop = s.shop WHEN MATCHED THEN DELETE",
        "merge into",
    ),
    ("CREATE TABLE gold.more AS SELECT 1 AS x", "create"),
    ("CREATE TABLE gold.more (x INT) USING csv LOCATION '/etc'", "create"),
    ("DROP TABLE gold.hours", "drop table"),
    ("TRUNCATE TABLE gold.hours", "truncate"),
    ("ALTER TABLE gold.hours SET TBLPROPERTIES ('a' = 'b')", "alter|set"),
    ("ALTER TABLE gold.hours ADD COLUMNS (x INT)", "alter|add"),
    ("OPTIMIZE gold.hours", "optimize"),
    ("VACUUM gold.hours", "vacuum"),
    ("CREATE SCHEMA mine", "create"),
    ("CREATE SCHEMA mine LOCATION 'file:/tmp/mine'", "create"),
    ("DROP SCHEMA gold CASCADE", "drop"),
    ("CREATE VIEW gold.mine AS SELECT 1 AS x", "create view"),
    ("CREATE TEMPORARY VIEW mine USING csv OPTIONS (path '/etc/passwd')", "create temp view using"),
    ("INSERT OVERWRITE DIRECTORY '/tmp/out' USING csv SELECT * FROM gold.hours", "insert into"),
    ("LOAD DATA INPATH '/etc/passwd' INTO TABLE gold.hours", "load data"),
    ("SELECT TRANSFORM(shop) USING 'cat' AS x FROM gold.hours", "script transformation"),
    ("SET spark.sql.runSQLOnFiles = true", "set"),
    ("SET", "set"),
    ("RESET", "reset"),
    ("ADD JAR '/tmp/x.jar'", "add jars"),
    ("ADD FILE '/etc/passwd'", "add files"),
    ("ADD ARCHIVE '/tmp/x.zip'", "add archives"),
    ("LIST JARS", "list jars"),
    ("CREATE TEMPORARY FUNCTION f AS 'java.lang.Runtime'", "create function"),
    ("CREATE FUNCTION f() RETURNS INT RETURN 1", "create"),
    ("CACHE TABLE gold.hours", "cache"),
    ("ANALYZE TABLE gold.hours COMPUTE STATISTICS", "analyze"),
    ("DECLARE x INT DEFAULT 1", "create variable"),
]
_OWN_PATHS = "CREATE TABLE sandbox.t (x INT) USING delta LOCATION 'file:/tmp/t'"


@pytest.fixture(scope="module")
def known(spark, tmp_path_factory):
    """A table in each of four schemas; their names alone matter."""
    folder = tmp_path_factory.mktemp("tables")
    for name in ("gold.hours", "silver.readings", "bronze.events", f"{SANDBOX}.mine"):
        schema = name.partition(".")[0]
        spark.sql(f"CREATE SCHEMA {schema}")
        spark.sql(
            f"CREATE TABLE {name} (shop STRING, cents INT) USING delta LOCATION '{folder}/{name}'"
        )
    yield spark
    for schema in ("gold", "silver", "bronze", SANDBOX):
        spark.sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def fault(known):
    """What is wrong with a statement for a role."""
    jvm, state = known.sparkContext._jvm, known._jsparkSession.sessionState()
    skip = jvm.org.apache.spark.sql.execution.CommandExecutionMode.SKIP()

    def of(role, text):
        plan = state.sqlParser().parsePlan(text)
        return guard.Guard(jvm, role).fault(state.executePlan(plan, skip).analyzed())

    return of


@pytest.mark.parametrize("text", ASKED)
def test_questions_about_gold_are_let_through(fault, text):
    assert fault(ANALYST, text) is None
    assert fault(SCIENTIST, text) is None


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_is_no_question_about_gold_is_refused_to_an_analyst(fault, text, said):
    wrong = fault(ANALYST, text)
    assert wrong is not None
    assert any(part in wrong for part in said.split("|"))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM silver.readings JOIN gold.hours USING (shop)",
        "CREATE TABLE sandbox.t USING delta AS SELECT * FROM silver.readings",
        "CREATE TABLE sandbox.t (x INT) USING delta",
        "CREATE OR REPLACE TABLE sandbox.t USING delta AS SELECT 1 AS x",
        "INSERT INTO sandbox.mine SELECT shop, cents FROM gold.hours",
        "INSERT OVERWRITE sandbox.mine SELECT shop, cents FROM gold.hours",
        "DELETE FROM sandbox.mine WHERE cents < 0",
        "UPDATE sandbox.mine SET cents = 0",
        "MERGE INTO sandbox.mine AS t USING gold.hours AS s ON t.shop = s.shop "
        "WHEN MATCHED THEN DELETE",
        "DROP TABLE sandbox.mine",
    ],
)
def test_a_scientist_reads_silver_and_writes_the_sandbox(fault, text):
    assert fault(SCIENTIST, text) is None
    assert fault(ANALYST, text) is not None


@pytest.mark.parametrize(
    "text",
    [
        *(text for text, _ in REFUSED if "silver" not in text),
        "INSERT INTO silver.readings SELECT * FROM gold.hours",
        "DELETE FROM silver.readings",
        "CREATE TABLE silver.more AS SELECT 1 AS x",
        "CREATE TABLE default.more USING delta AS SELECT 1 AS x",
        "CREATE TABLE sandbox.t USING delta AS SELECT * FROM bronze.events",
        _OWN_PATHS,
        "CREATE TABLE sandbox.t USING csv OPTIONS (path '/etc/passwd')",
        "CREATE TABLE sandbox.t USING delta OPTIONS (path '/tmp/t') AS SELECT 1 AS x",
        "DROP SCHEMA sandbox CASCADE",
        "MERGE INTO sandbox.mine AS t USING bronze.events AS s ON t.shop = s.shop "
        "WHEN MATCHED THEN DELETE",
    ],
)
def test_a_scientist_writes_nothing_else(fault, text):
    assert fault(SCIENTIST, text) is not None


def test_rows_of_files_and_functions_of_ones_own_are_refused(known, fault, tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    jvm = known.sparkContext._jvm

    def wrong(frame):
        return guard.Guard(jvm, SCIENTIST).fault(frame._jdf.queryExecution().analyzed())

    assert wrong(known.read.csv(str(tmp_path / "a.csv"))) == "files and other places"
    place = f"{tmp_path}/delta"
    known.range(3).write.format("delta").save(place)
    assert wrong(known.read.format("delta").load(place)) == "files and other places"
    double = known.udf.register("doubled", lambda x: 2 * x, "int")
    assert wrong(known.sql("SELECT doubled(cents) FROM gold.hours")) == "functions of one's own"
    assert wrong(known.table("gold.hours").select(double("cents"))) == "functions of one's own"
    mapped = known.table("gold.hours").mapInPandas(lambda frames: frames, "shop string, cents int")
    assert wrong(mapped) is not None
    known.sql("DROP TEMPORARY FUNCTION doubled")
