//! Every statement that LIS knows, as one closed enum: a new one stops the build in everything that must decide about it.

mod definition;

use lis_lake::{names::Identifier, types::ColumnType};

use crate::modification::Modification;
pub use definition::{AlterAction, AlterSchemaAction, OnCommit, RelationKind, TableLike};

/// A parsed statement with its text.
#[derive(Debug, Clone)]
pub struct ParsedStatement {
    /// The statement.
    pub statement: Statement,
    /// Its own text, without the separating semicolon.
    pub text: String,
    /// Where the text begins in the message: characters from 0, to be added to positions.
    pub offset: usize,
}

/// An expression as it was written inside a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its text.
    pub text: String,
    /// Where it stands in the statement, in characters from 1.
    pub position: Option<usize>,
}

/// A relation's name as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    /// The schema, where written.
    pub schema: Option<Identifier>,
    /// The name.
    pub name: Identifier,
    /// Where: characters from 1.
    pub position: Option<usize>,
}

impl ObjectName {
    /// The name as messages show it: the schema where it was written, and no quotes.
    pub fn written(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", schema.as_str(), self.name.as_str()),
            None => self.name.as_str().to_owned(),
        }
    }
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Statement {
    /// SELECT, VALUES, TABLE, WITH … SELECT: bound by `bind/`.
    Query(Box<sqlparser::ast::Query>),
    /// EXPLAIN. Shows the bound plan.
    Explain {
        /// Of what.
        explained: Explained,
        /// ANALYZE was asked for.
        analyze: bool,
        /// How the plan is written.
        format: ExplainFormat,
    },
    /// INSERT, UPDATE, DELETE, MERGE: bound by `bind/modify/`.
    Modify(Box<Modification>),
    /// Everything else, read by `utility.rs`.
    Utility(UtilityStatement),
    /// Nothing between semicolons.
    Empty,
}

/// What a statement of maintenance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceWork {
    /// ANALYZE
    Analyze,
    /// VACUUM
    Vacuum {
        /// VACUUM ANALYZE
        analyze: bool,
    },
    /// REINDEX TABLE, SCHEMA, DATABASE or SYSTEM
    Reindex,
    /// REINDEX INDEX
    ReindexIndex,
    /// CLUSTER
    Cluster,
}

/// What EXPLAIN explains.
#[derive(Debug, Clone)]
pub enum Explained {
    /// A query.
    Query(Box<sqlparser::ast::Query>),
    /// A statement that changes rows.
    Modification(Box<Modification>),
    /// A prepared statement.
    Execute {
        /// Its name.
        name: Identifier,
        /// The values of its parameters, as SQL text.
        arguments: Vec<Written>,
    },
    /// A statement that has no plan.
    Nothing,
}

/// FORMAT of EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExplainFormat {
    /// TEXT
    #[default]
    Text,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// A role in GRANT, SET ROLE and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleName {
    /// A name.
    Named(Identifier),
    /// CURRENT_USER, CURRENT_ROLE
    CurrentUser,
    /// SESSION_USER
    SessionUser,
    /// PUBLIC
    Public,
}

/// A privilege in GRANT and REVOKE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Privilege {
    /// SELECT
    Select,
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
    /// TRUNCATE
    Truncate,
    /// REFERENCES
    References,
    /// TRIGGER
    Trigger,
    /// USAGE
    Usage,
    /// CREATE
    Create,
}

/// What GRANT and REVOKE of privileges name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivilegeTarget {
    /// ON \[TABLE\] a, b
    Tables(Vec<ObjectName>),
    /// ON ALL TABLES IN SCHEMA a, b
    AllTablesInSchemas(Vec<Identifier>),
    /// ON SCHEMA a, b
    Schemas(Vec<Identifier>),
}

/// A role's attributes in CREATE and ALTER ROLE: `None` is not mentioned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleOptions {
    /// SUPERUSER
    pub superuser: Option<bool>,
    /// CREATEROLE
    pub create_role: Option<bool>,
    /// CREATEDB
    pub create_db: Option<bool>,
    /// INHERIT
    pub inherit: Option<bool>,
    /// LOGIN
    pub login: Option<bool>,
    /// BYPASSRLS
    pub bypass_rls: Option<bool>,
    /// REPLICATION
    pub replication: Option<bool>,
    /// CONNECTION LIMIT
    pub connection_limit: Option<i32>,
    /// PASSWORD 'x' (`Some(Some)`), PASSWORD NULL (`Some(None)`)
    pub password: Option<Option<Password>>,
    /// VALID UNTIL
    pub valid_until: Option<String>,
    /// IN ROLE a, b
    pub in_roles: Vec<Identifier>,
    /// ROLE a, b
    pub members: Vec<Identifier>,
    /// ADMIN a, b
    pub admins: Vec<Identifier>,
}

/// A password in a statement: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Options of GRANT role: `None` is not mentioned (PostgreSQL 16's WITH ADMIN/INHERIT/SET).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MembershipOptions {
    /// ADMIN
    pub admin: Option<bool>,
    /// INHERIT
    pub inherit: Option<bool>,
    /// SET
    pub set: Option<bool>,
}

/// CREATE POLICY's FOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyCommand {
    /// ALL
    All,
    /// SELECT
    Select,
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

/// A column in CREATE TABLE.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: Identifier,
    /// Its type.
    pub column_type: ColumnType,
    /// NOT NULL
    pub not_null: bool,
    /// DEFAULT, as SQL text.
    pub default: Option<String>,
    /// Where that stands in the statement, in characters from 1.
    pub default_position: Option<usize>,
    /// COLLATE
    pub collation: Option<Identifier>,
    /// PRIMARY KEY on the column
    pub primary_key: bool,
    /// UNIQUE on the column
    pub unique: bool,
    /// REFERENCES table (column)
    pub references: Option<(ObjectName, Option<Identifier>)>,
}

/// A table constraint in CREATE TABLE.
#[derive(Debug, Clone, PartialEq)]
pub struct TableConstraint {
    /// CONSTRAINT name
    pub name: Option<Identifier>,
    /// What it says.
    pub kind: TableConstraintKind,
}

/// The kinds of table constraint.
#[derive(Debug, Clone, PartialEq)]
pub enum TableConstraintKind {
    /// PRIMARY KEY (…)
    PrimaryKey(Vec<Identifier>),
    /// UNIQUE (…)
    Unique(Vec<Identifier>),
    /// FOREIGN KEY (…) REFERENCES t (…)
    ForeignKey {
        /// Its columns.
        columns: Vec<Identifier>,
        /// The table.
        table: ObjectName,
        /// The table's columns; empty is its primary key.
        referenced: Vec<Identifier>,
    },
    /// CHECK (…), as SQL text
    Check(Written),
}

/// How far FETCH and MOVE go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchDirection {
    /// NEXT, FORWARD n, n
    Forward(u64),
    /// ALL, FORWARD ALL
    ForwardAll,
    /// PRIOR, BACKWARD n, -n
    Backward(u64),
    /// BACKWARD ALL
    BackwardAll,
    /// FIRST, LAST, ABSOLUTE n
    Absolute(i64),
    /// RELATIVE n
    Relative(i64),
}

/// What COMMENT ON names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentTarget {
    /// SCHEMA
    Schema(Identifier),
    /// TABLE
    Table(ObjectName),
    /// VIEW
    View(ObjectName),
    /// MATERIALIZED VIEW
    MaterializedView(ObjectName),
    /// COLUMN t.c
    Column(ObjectName, Identifier),
}

/// COPY's format and options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// FORMAT
    pub format: CopyFormat,
    /// DELIMITER
    pub delimiter: Option<char>,
    /// NULL
    pub null: Option<String>,
    /// HEADER
    pub header: CopyHeader,
    /// QUOTE
    pub quote: Option<char>,
    /// ESCAPE
    pub escape: Option<char>,
    /// ENCODING
    pub encoding: Option<String>,
    /// FREEZE
    pub freeze: bool,
    /// FORCE_QUOTE
    pub force_quote: Vec<String>,
    /// FORCE_QUOTE *
    pub force_quote_all: bool,
    /// FORCE_NOT_NULL
    pub force_not_null: Vec<String>,
    /// FORCE_NULL
    pub force_null: Vec<String>,
}

/// COPY's HEADER.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyHeader {
    /// There is none.
    #[default]
    None,
    /// It is written, or passed over.
    Skip,
    /// It is compared with the columns' names.
    Match,
}

/// COPY t FROM STDIN.
#[derive(Debug, Clone)]
pub struct CopyFrom {
    /// The table.
    pub table: ObjectName,
    /// Its columns; empty is all.
    pub columns: Vec<Identifier>,
    /// How.
    pub options: CopyOptions,
    /// WHERE, as SQL text, and how many characters of the statement come before it.
    pub condition: Option<(String, usize)>,
}

/// What COPY TO writes.
#[derive(Debug, Clone)]
pub enum CopyRows {
    /// A table's rows, by `SELECT columns FROM table`.
    Table(ObjectName, Box<sqlparser::ast::Query>),
    /// A query's.
    Query(Box<sqlparser::ast::Query>),
    /// What a modification returns.
    Modification(Box<Modification>),
}

/// COPY's formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyFormat {
    /// text
    #[default]
    Text,
    /// csv
    Csv,
    /// binary
    Binary,
}

/// Statements that are not queries.
#[derive(Debug, Clone)]
pub enum UtilityStatement {
    /// BEGIN, START TRANSACTION
    Begin {
        /// READ ONLY
        read_only: Option<bool>,
        /// ISOLATION LEVEL, lower case
        isolation: Option<String>,
    },
    /// COMMIT, END
    Commit {
        /// AND CHAIN
        chain: bool,
    },
    /// ROLLBACK, ABORT
    Rollback {
        /// AND CHAIN
        chain: bool,
    },
    /// SAVEPOINT
    Savepoint(Identifier),
    /// RELEASE
    Release(Identifier),
    /// ROLLBACK TO
    RollbackTo(Identifier),
    /// SET name = value
    Set {
        /// The setting, lower case; `time zone`, `role`, `session authorization` and `names` have their own names
        /// (`timezone`, `role`, `session_authorization`, `client_encoding`).
        name: String,
        /// The value; `None` is DEFAULT.
        value: Option<String>,
        /// LOCAL
        local: bool,
    },
    /// SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION
    SetTransaction {
        /// SESSION CHARACTERISTICS
        session: bool,
        /// ISOLATION LEVEL, lower case
        isolation: Option<String>,
        /// READ ONLY
        read_only: Option<bool>,
    },
    /// SHOW name; `all` is SHOW ALL
    Show(String),
    /// RESET name; `None` is RESET ALL
    Reset(Option<String>),
    /// DISCARD, lower case: `all`, `plans`, `sequences`, `temp`
    Discard(String),
    /// PREPARE
    Prepare {
        /// Its name.
        name: Identifier,
        /// Declared types.
        types: Vec<ColumnType>,
        /// The statement's text.
        statement: String,
    },
    /// EXECUTE
    Execute {
        /// Its name.
        name: Identifier,
        /// Arguments as SQL text.
        arguments: Vec<Written>,
    },
    /// DEALLOCATE; `None` is ALL
    Deallocate(Option<Identifier>),
    /// DECLARE CURSOR
    Declare {
        /// Its name.
        name: Identifier,
        /// The query.
        query: Box<sqlparser::ast::Query>,
        /// SCROLL (`Some(true)`), NO SCROLL
        scroll: Option<bool>,
        /// WITH HOLD
        hold: bool,
        /// BINARY
        binary: bool,
    },
    /// FETCH
    Fetch {
        /// The cursor.
        name: Identifier,
        /// How far.
        direction: FetchDirection,
    },
    /// MOVE
    Move {
        /// The cursor.
        name: Identifier,
        /// How far.
        direction: FetchDirection,
    },
    /// CLOSE; `None` is ALL
    Close(Option<Identifier>),
    /// LISTEN, UNLISTEN: only UNLISTEN * is accepted, since there is nothing to listen to
    UnlistenAll,
    /// COPY … TO STDOUT
    CopyTo {
        /// What.
        rows: CopyRows,
        /// How.
        options: CopyOptions,
    },
    /// COPY t FROM STDIN
    CopyFrom(Box<CopyFrom>),
    /// TRUNCATE
    Truncate {
        /// The tables.
        tables: Vec<ObjectName>,
        /// CASCADE
        cascade: bool,
    },
    /// LOCK TABLE
    Lock {
        /// The tables or views.
        relations: Vec<ObjectName>,
        /// The mode, lower case: `access exclusive` where none is written.
        mode: String,
    },
    /// ANALYZE, VACUUM, REINDEX, CLUSTER
    Maintain {
        /// Which.
        work: MaintenanceWork,
        /// The tables with the columns that are named; none means all.
        tables: Vec<(ObjectName, Vec<Identifier>)>,
    },
    /// DROP INDEX
    DropIndex {
        /// Their names.
        names: Vec<ObjectName>,
        /// IF EXISTS
        if_exists: bool,
    },
    /// CALL procedure(arguments)
    Call {
        /// The procedure.
        name: ObjectName,
        /// Arguments: literals, as text; `None` is NULL.
        arguments: Vec<Option<String>>,
    },
    /// CREATE SCHEMA
    CreateSchema {
        /// Its name; without one it has its owner's.
        name: Option<Identifier>,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// AUTHORIZATION
        owner: Option<RoleName>,
        /// What is made in it.
        elements: Vec<UtilityStatement>,
    },
    /// DROP SCHEMA
    DropSchema {
        /// Their names.
        names: Vec<Identifier>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// ALTER SCHEMA
    AlterSchema {
        /// Its name.
        name: Identifier,
        /// What changes.
        action: AlterSchemaAction,
    },
    /// CREATE TABLE
    CreateTable {
        /// Its name.
        name: ObjectName,
        /// TEMPORARY, with ON COMMIT
        temporary: Option<OnCommit>,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// Its columns.
        columns: Vec<ColumnDefinition>,
        /// LIKE
        likes: Vec<TableLike>,
        /// Its constraints.
        constraints: Vec<TableConstraint>,
    },
    /// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW
    CreateTableAs {
        /// TABLE or MATERIALIZED VIEW
        kind: RelationKind,
        /// Its name.
        name: ObjectName,
        /// TEMPORARY, with ON COMMIT
        temporary: Option<OnCommit>,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// Column names; empty is the query's.
        columns: Vec<Identifier>,
        /// The query.
        query: Box<sqlparser::ast::Query>,
        /// The query's text.
        text: String,
        /// WITH DATA
        with_data: bool,
    },
    /// REFRESH MATERIALIZED VIEW
    RefreshMaterializedView {
        /// Its name.
        name: ObjectName,
        /// CONCURRENTLY: readers never wait for a refresh here.
        concurrently: bool,
        /// WITH DATA
        with_data: bool,
    },
    /// ALTER TABLE, ALTER VIEW, ALTER MATERIALIZED VIEW
    AlterRelation {
        /// The kind that was written.
        kind: RelationKind,
        /// Its name.
        name: ObjectName,
        /// IF EXISTS
        if_exists: bool,
        /// What changes, in order.
        actions: Vec<AlterAction>,
    },
    /// CREATE VIEW
    CreateView {
        /// Its name.
        name: ObjectName,
        /// OR REPLACE
        or_replace: bool,
        /// TEMPORARY
        temporary: bool,
        /// Column names; empty is the query's.
        columns: Vec<Identifier>,
        /// `WITH (security_invoker = …)`
        security_invoker: Option<bool>,
        /// The query.
        query: Box<sqlparser::ast::Query>,
        /// The query's text.
        text: String,
        /// RECURSIVE: the query may read the view, which then is a query of WITH RECURSIVE.
        recursive: bool,
    },
    /// DROP TABLE, DROP VIEW, DROP MATERIALIZED VIEW
    DropRelation {
        /// The kind that was written.
        kind: RelationKind,
        /// Their names.
        names: Vec<ObjectName>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// COMMENT ON … IS
    Comment {
        /// What.
        target: CommentTarget,
        /// `None` removes it.
        comment: Option<String>,
    },
    /// CREATE ROLE, CREATE USER (which can log in), CREATE GROUP
    CreateRole {
        /// Its name.
        name: Identifier,
        /// Its options; CREATE USER sets `login`.
        options: RoleOptions,
    },
    /// ALTER ROLE name WITH …
    AlterRole {
        /// Which.
        name: RoleName,
        /// Options.
        options: RoleOptions,
    },
    /// ALTER ROLE name SET setting = value / RESET setting
    AlterRoleSet {
        /// Which.
        name: RoleName,
        /// The setting; `None` is ALL (with RESET).
        setting: Option<String>,
        /// The value; `None` is RESET.
        value: Option<String>,
    },
    /// DROP ROLE
    DropRole {
        /// Which.
        names: Vec<Identifier>,
        /// IF EXISTS
        if_exists: bool,
    },
    /// GRANT role TO role
    GrantRole {
        /// The roles granted.
        roles: Vec<Identifier>,
        /// To whom.
        grantees: Vec<RoleName>,
        /// WITH …
        options: MembershipOptions,
        /// GRANTED BY
        grantor: Option<RoleName>,
    },
    /// REVOKE role FROM role
    RevokeRole {
        /// The roles.
        roles: Vec<Identifier>,
        /// From whom.
        grantees: Vec<RoleName>,
        /// `{ADMIN | INHERIT | SET} OPTION FOR`: the one that is `Some`.
        option_for: MembershipOptions,
        /// GRANTED BY
        grantor: Option<RoleName>,
        /// CASCADE
        cascade: bool,
    },
    /// GRANT privileges
    GrantPrivileges {
        /// Which; empty is ALL.
        privileges: Vec<Privilege>,
        /// On what.
        target: PrivilegeTarget,
        /// To whom.
        grantees: Vec<RoleName>,
        /// WITH GRANT OPTION
        grant_option: bool,
    },
    /// REVOKE privileges
    RevokePrivileges {
        /// Which; empty is ALL.
        privileges: Vec<Privilege>,
        /// On what.
        target: PrivilegeTarget,
        /// From whom.
        grantees: Vec<RoleName>,
        /// GRANT OPTION FOR
        grant_option_for: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CREATE POLICY
    CreatePolicy {
        /// Its name.
        name: Identifier,
        /// On which table.
        table: ObjectName,
        /// AS PERMISSIVE
        permissive: bool,
        /// FOR
        command: PolicyCommand,
        /// TO; empty is PUBLIC
        roles: Vec<RoleName>,
        /// USING, as SQL text
        using: Option<String>,
        /// WITH CHECK, as SQL text
        with_check: Option<String>,
    },
    /// DROP POLICY
    DropPolicy {
        /// Its name.
        name: Identifier,
        /// On which table.
        table: ObjectName,
        /// IF EXISTS
        if_exists: bool,
    },
    /// ALTER TABLE … {ENABLE | DISABLE | FORCE | NO FORCE} ROW LEVEL SECURITY
    AlterRowSecurity {
        /// Which table.
        table: ObjectName,
        /// ENABLE (true), DISABLE (false)
        enable: Option<bool>,
        /// FORCE (true), NO FORCE (false)
        force: Option<bool>,
    },
}
