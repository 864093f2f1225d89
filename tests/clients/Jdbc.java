// What a program sees through pgjdbc: the metadata that BI tools read, values of every type, cursors, batches, savepoints,
// COPY. It prints what it sees; the test runs it on LIS and on PostgreSQL, and both must print the same.
//
// Run as `java -cp postgresql.jar Jdbc.java URL USER PASSWORD MODE`, where MODE is pgjdbc's preferQueryMode.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Jdbc {
    interface Step {
        void run() throws Exception;
    }

    static Connection connection;
    static String user;

    public static void main(String[] arguments) throws Exception {
        user = arguments[1];
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", arguments[2]);
        properties.setProperty("preferQueryMode", arguments[3]);
        connection = DriverManager.getConnection(arguments[0], properties);
        make();
        metadata(connection.getMetaData());
        values();
        statements();
        execute("DROP SCHEMA jdbc CASCADE");
        connection.close();
    }

    static void make() throws SQLException {
        execute("CREATE SCHEMA jdbc");
        execute("CREATE TABLE jdbc.jkonto (id int PRIMARY KEY, namn varchar(20) NOT NULL, belopp numeric(12,2), dag date,"
            + " stampel timestamp, stampel_tz timestamptz, dubbel float8, boolesk boolean, id16 uuid, bytes bytea,"
            + " stort bigint, litet smallint DEFAULT 7, text text, fast char(3))");
        execute("CREATE TABLE jdbc.jrad (nr int UNIQUE, konto int REFERENCES jdbc.jkonto (id), text text)");
        execute("CREATE VIEW jdbc.vy AS SELECT id, namn FROM jdbc.jkonto");
        execute("COMMENT ON TABLE jdbc.jkonto IS 'kommentar'");
        execute("COMMENT ON COLUMN jdbc.jkonto.namn IS 'namnet'");
        connection.setSchema("jdbc");
    }

    static void metadata(DatabaseMetaData data) {
        show("product", () -> print(data.getDatabaseProductName(), data.getDatabaseMajorVersion(),
            data.getMaxColumnNameLength(), data.getSQLKeywords(), data.getDefaultTransactionIsolation()));
        show("tables", () -> rows(data.getTables(null, "jdbc", "%", null)));
        show("tables of a kind", () -> rows(data.getTables(null, "jdbc", "%", new String[] {"TABLE", "VIEW"})));
        show("columns", () -> rows(data.getColumns(null, "jdbc", "%", "%")));
        show("primary keys", () -> rows(data.getPrimaryKeys(null, "jdbc", "jkonto")));
        show("imported keys", () -> rows(data.getImportedKeys(null, "jdbc", "jrad")));
        show("exported keys", () -> rows(data.getExportedKeys(null, "jdbc", "jkonto")));
        show("cross reference", () -> rows(data.getCrossReference(null, "jdbc", "jkonto", null, "jdbc", "jrad")));
        // How many rows an index has is an estimate, and ours tells nothing of them.
        show("indexes", () -> rows(data.getIndexInfo(null, "jdbc", "jkonto", false, true), "CARDINALITY", "PAGES"));
        show("schemas", () -> rows(data.getSchemas(null, "jdbc")));
        show("table types", () -> rows(data.getTableTypes()));
        show("table privileges", () -> rows(data.getTablePrivileges(null, "jdbc", "jkonto")));
        show("column privileges", () -> rows(data.getColumnPrivileges(null, "jdbc", "jkonto", "namn")));
        show("best row identifier", () ->
            rows(data.getBestRowIdentifier(null, "jdbc", "jkonto", DatabaseMetaData.bestRowSession, true)));
        show("functions", () -> rows(data.getFunctions(null, "pg_catalog", "lpad"), "FUNCTION_CAT", "REMARKS"));
        show("function columns", () -> rows(data.getFunctionColumns(null, "pg_catalog", "lpad", "%"), "FUNCTION_CAT"));
        // PostgreSQL has many more types; those that both have are described alike.
        Set<String> types = Set.of("bool", "bytea", "name", "int8", "int2", "int4", "text", "oid", "json", "float4",
            "float8", "bpchar", "varchar", "date", "time", "timestamp", "timestamptz", "interval", "timetz", "numeric",
            "uuid", "jsonb", "_int4", "_text");
        show("types", () -> {
            try (ResultSet found = data.getTypeInfo()) {
                while (found.next()) {
                    if (types.contains(found.getString("TYPE_NAME"))) {
                        print(found.getString("TYPE_NAME"), found.getInt("DATA_TYPE"), found.getInt("PRECISION"),
                            found.getString("LITERAL_PREFIX"), found.getBoolean("CASE_SENSITIVE"),
                            found.getInt("SEARCHABLE"), found.getInt("NUM_PREC_RADIX"));
                    }
                }
            }
        });
    }

    static void values() {
        show("a batch", () -> {
            try (PreparedStatement insert = connection.prepareStatement(
                    "INSERT INTO jkonto VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
                for (int id = 0; id < 12; id++) {
                    insert.setInt(1, id);
                    insert.setString(2, "namn å " + id);
                    insert.setBigDecimal(3, new BigDecimal("12.50").add(BigDecimal.valueOf(id)));
                    insert.setDate(4, Date.valueOf("2026-01-02"));
                    insert.setTimestamp(5, Timestamp.valueOf("2026-01-02 03:04:05.678"));
                    insert.setObject(6, OffsetDateTime.parse("2026-01-02T03:04:05Z"));
                    insert.setDouble(7, id / 4.0);
                    insert.setBoolean(8, id % 2 == 0);
                    insert.setObject(9, new UUID(7, id));
                    insert.setBytes(10, new byte[] {1, 2, (byte) id});
                    insert.setLong(11, 5_000_000_000L + id);
                    insert.setShort(12, (short) id);
                    insert.setNull(13, Types.VARCHAR);
                    insert.setString(14, "ab");
                    insert.addBatch();
                }
                print(Arrays.toString(insert.executeBatch()));
            }
        });
        // After five executions pgjdbc names the statement on the server and asks for binary values.
        show("values of every type", () -> {
            try (PreparedStatement query = connection.prepareStatement(
                    "SELECT * FROM jkonto WHERE id < ? AND dag = ? AND belopp > ? AND namn LIKE ? ORDER BY id")) {
                for (int time = 0; time < 8; time++) {
                    query.setInt(1, 3);
                    query.setDate(2, Date.valueOf("2026-01-02"));
                    query.setBigDecimal(3, BigDecimal.ONE);
                    query.setString(4, "namn%");
                    try (ResultSet found = query.executeQuery()) {
                        if (time == 0) {
                            described(found.getMetaData());
                        }
                        while (found.next()) {
                            print(found.getInt(1), found.getString(2), found.getBigDecimal(3), found.getDate(4),
                                found.getTimestamp(5), found.getObject(6, OffsetDateTime.class).toInstant(),
                                found.getDouble(7), found.getBoolean(8), found.getObject(9),
                                Arrays.toString(found.getBytes(10)), found.getLong(11), found.getShort(12),
                                found.getObject(13), found.getString(14));
                        }
                    }
                }
            }
        });
        show("arrays", () -> {
            query("SELECT ARRAY[1, 2, NULL] AS tal, '{a,\"b c\"}'::text[] AS ord");
            try (PreparedStatement some = connection.prepareStatement("SELECT count(*) FROM jkonto WHERE id = ANY (?)")) {
                some.setArray(1, connection.createArrayOf("int4", new Object[] {1, 2, 30}));
                rows(some.executeQuery());
            }
        });
        show("escapes", () -> query("SELECT {fn ucase('a')} AS u, {d '2026-01-02'} AS d, {ts '2026-01-02 03:04:05'} AS t,"
            + " {fn concat('a', 'b')} AS c, {fn timestampadd(SQL_TSI_DAY, 3, {d '2026-01-02'})} AS x, {fn left('abc', 2)},"
            + " {fn dayofweek({d '2026-01-02'})} AS w, {fn round(2.567, 1)} AS r"));
    }

    static void statements() {
        show("a cursor", () -> {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(5);
                rows(statement.executeQuery("SELECT id, namn FROM jkonto ORDER BY id"));
            }
            connection.commit();
            connection.setAutoCommit(true);
        });
        show("scrolling", () -> {
            try (Statement statement = connection.createStatement(
                    ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                    ResultSet found = statement.executeQuery("SELECT id FROM jkonto ORDER BY id")) {
                found.last();
                print(found.getRow(), found.getInt(1));
                found.absolute(2);
                print(found.getInt(1));
            }
        });
        show("an updatable result", () -> {
            try (Statement statement = connection.createStatement(
                    ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE);
                    ResultSet found = statement.executeQuery("SELECT id, namn FROM jkonto ORDER BY id")) {
                found.next();
                found.updateString(2, "ändrat");
                found.updateRow();
            }
            query("SELECT namn FROM jkonto WHERE id = 0");
        });
        show("generated keys", () -> {
            try (PreparedStatement insert = connection.prepareStatement(
                    "INSERT INTO jrad (nr) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                insert.setInt(1, 7);
                print(insert.executeUpdate());
                rows(insert.getGeneratedKeys());
            }
        });
        show("a savepoint", () -> {
            connection.setAutoCommit(false);
            Savepoint savepoint = connection.setSavepoint("innan");
            show("an error", () -> query("SELECT 1 / 0"));
            show("an aborted transaction", () -> query("SELECT 1"));
            connection.rollback(savepoint);
            query("SELECT count(*) FROM jkonto");
            connection.commit();
            connection.setAutoCommit(true);
        });
        show("reading only", () -> {
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            show("a write", () -> print(execute("DELETE FROM jrad")));
            connection.rollback();
            connection.setAutoCommit(true);
            connection.setReadOnly(false);
        });
        show("isolation", () -> {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            print(connection.getTransactionIsolation());
            connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        });
        show("copy", () -> {
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            print(copy.copyIn("COPY jrad (nr, text) FROM STDIN CSV", new StringReader("100,\"a,b\"\n101,\n")));
            StringWriter written = new StringWriter();
            print(copy.copyOut("COPY (SELECT nr, text FROM jrad ORDER BY nr) TO STDOUT CSV HEADER", written));
            print(written);
        });
        show("a time limit", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                statement.executeQuery("SELECT count(*) FROM generate_series(1, 1000000) AS a(x),"
                    + " generate_series(1, 1000000) AS b(x) WHERE a.x + b.x < 0");
            }
        });
        show("several statements", () -> {
            try (Statement statement = connection.createStatement()) {
                boolean found = statement.execute("SELECT 1 AS a; UPDATE jrad SET text = 'x' WHERE nr = 7; SELECT 2 AS b");
                while (found || statement.getUpdateCount() != -1) {
                    if (found) {
                        rows(statement.getResultSet());
                    } else {
                        print(statement.getUpdateCount());
                    }
                    found = statement.getMoreResults();
                }
            }
        });
        show("session", () -> print(connection.getSchema(), connection.isValid(5)));
        show("a column that is not there", () -> query("SELECT nann FROM jkonto"));
        show("a table that is not there", () -> query("SELECT * FROM kontto"));
    }

    /** Runs a step and prints how it failed, if it did. */
    static void show(String name, Step step) {
        System.out.println("== " + name);
        try {
            step.run();
        } catch (SQLException error) {
            System.out.println("failed: " + error.getSQLState() + " " + error.getMessage());
        } catch (Exception error) {
            System.out.println("failed: " + error);
        }
    }

    static int execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.executeUpdate(sql);
        }
    }

    static void query(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            rows(statement.executeQuery(sql));
        }
    }

    static void described(ResultSetMetaData data) throws SQLException {
        for (int at = 1; at <= data.getColumnCount(); at++) {
            print(data.getColumnName(at), data.getColumnType(at), data.getColumnTypeName(at), data.getColumnClassName(at),
                data.getPrecision(at), data.getScale(at), data.isNullable(at), data.getSchemaName(at),
                data.getTableName(at), data.isAutoIncrement(at), data.getColumnDisplaySize(at));
        }
    }

    /** Prints a result with its names and types, without the columns that may differ. */
    static void rows(ResultSet found, String... except) throws SQLException {
        ResultSetMetaData data = found.getMetaData();
        StringBuilder names = new StringBuilder();
        for (int at = 1; at <= data.getColumnCount(); at++) {
            names.append(data.getColumnName(at)).append(' ').append(data.getColumnTypeName(at)).append(", ");
        }
        System.out.println(names);
        while (found.next()) {
            StringBuilder line = new StringBuilder();
            for (int at = 1; at <= data.getColumnCount(); at++) {
                String name = data.getColumnName(at);
                boolean left = Arrays.stream(except).anyMatch(name::equalsIgnoreCase);
                String value = left ? "*" : found.getString(at);
                line.append(user.equals(value) ? "the user" : value).append(" | ");
            }
            System.out.println(line);
        }
        found.close();
    }

    static void print(Object... values) {
        StringBuilder line = new StringBuilder();
        for (Object value : values) {
            line.append(value).append(' ');
        }
        System.out.println(line);
    }
}
