import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Asks a PostgreSQL what tools for reports ask through JDBC: tables, columns, keys, a join. */
class Asks {
    public static void main(String[] given) throws Exception {
        Map<String, String> env = System.getenv();
        try (Connection asked =
                DriverManager.getConnection(given[0], env.get("PGUSER"), env.get("PGPASSWORD"))) {
            DatabaseMetaData about = asked.getMetaData();
            try (ResultSet rows = about.getTables(null, "gold", "%", new String[] {"TABLE"})) {
                while (rows.next()) {
                    say("table " + rows.getString("TABLE_NAME"), rows.getString("REMARKS"));
                }
            }
            try (ResultSet rows = about.getColumns(null, "gold", "shop_hours", "%")) {
                while (rows.next()) {
                    say("column " + rows.getString("COLUMN_NAME"), rows.getString("REMARKS"));
                }
            }
            Map<Integer, String> key = new TreeMap<>();
            try (ResultSet rows = about.getPrimaryKeys(null, "gold", "shop_hours")) {
                while (rows.next()) {
                    key.put(rows.getInt("KEY_SEQ"), rows.getString("COLUMN_NAME"));
                }
            }
            List<String> columns = new ArrayList<>(key.values());
            say("key shop_hours", String.join(", ", columns));
            String joined =
                    "SELECT currency, sum(baskets) FROM gold.shop_hours "
                            + "JOIN gold.shops USING (shop_id) GROUP BY currency";
            try (ResultSet rows = asked.createStatement().executeQuery(joined)) {
                while (rows.next()) {
                    say("joined " + rows.getString(1), rows.getString(2));
                }
            }
        }
    }

    private static void say(String what, String answer) {
        System.out.println(what + ": " + answer);
    }
}
