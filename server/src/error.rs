//! What can go wrong in the server. Errors of the other crates are carried as they are; the server's own are named by a
//! [`Condition`], PostgreSQL's name for what happened. Codes and client texts are made in `wire/error.rs` alone.

use datafusion::error::DataFusionError;
use lis_lake::error::LakeError;
use lis_loaders::LoadError;
use lis_security::SecurityError;
use lis_sql::error::SqlError;

/// The result of most of the server's functions.
pub type Result<T, E = ServerError> = std::result::Result<T, E>;

/// What happened, by PostgreSQL's condition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// 00000, of a notice
    SuccessfulCompletion,
    /// 01000
    Warning,
    /// 08P01
    ProtocolViolation,
    /// 0A000
    FeatureNotSupported,
    /// 21000
    CardinalityViolation,
    /// 22000
    DataException,
    /// 22001
    StringDataRightTruncation,
    /// 22003
    NumericValueOutOfRange,
    /// 22004
    NullValueNotAllowed,
    /// 22007
    InvalidDatetimeFormat,
    /// 22008
    DatetimeFieldOverflow,
    /// 22012
    DivisionByZero,
    /// 22021
    CharacterNotInRepertoire,
    /// 22023
    InvalidParameterValue,
    /// 22P02
    InvalidTextRepresentation,
    /// 22P03
    InvalidBinaryRepresentation,
    /// 22P04
    BadCopyFileFormat,
    /// 22P05
    UntranslatableCharacter,
    /// 23502
    NotNullViolation,
    /// 23505
    UniqueViolation,
    /// 23514
    CheckViolation,
    /// 24000
    InvalidCursorState,
    /// 25001
    ActiveSqlTransaction,
    /// 25006
    ReadOnlySqlTransaction,
    /// 25P01
    NoActiveSqlTransaction,
    /// 25P02
    InFailedSqlTransaction,
    /// 25P03
    IdleInTransactionSessionTimeout,
    /// 26000
    InvalidSqlStatementName,
    /// 28000
    InvalidAuthorizationSpecification,
    /// 28P01
    InvalidPassword,
    /// 2BP01
    DependentObjectsStillExist,
    /// 34000
    InvalidCursorName,
    /// 3B001
    InvalidSavepointSpecification,
    /// 3D000
    UndefinedDatabase,
    /// 3F000
    UndefinedSchema,
    /// 40001
    SerializationFailure,
    /// 42501
    InsufficientPrivilege,
    /// 42601
    SyntaxError,
    /// 42602
    InvalidName,
    /// 42701
    DuplicateColumn,
    /// 42703
    UndefinedColumn,
    /// 42704
    UndefinedObject,
    /// 42710
    DuplicateObject,
    /// 42804
    DatatypeMismatch,
    /// 42809
    WrongObjectType,
    /// 42830
    InvalidForeignKey,
    /// 42883
    UndefinedFunction,
    /// 42939
    ReservedName,
    /// 42P01
    UndefinedTable,
    /// 42P10
    InvalidColumnReference,
    /// 42P03
    DuplicateCursor,
    /// 42P05
    DuplicatePreparedStatement,
    /// 42P06
    DuplicateSchema,
    /// 42P07
    DuplicateTable,
    /// 42P16
    InvalidTableDefinition,
    /// 53000
    InsufficientResources,
    /// 53100
    DiskFull,
    /// 53200
    OutOfMemory,
    /// 53300
    TooManyConnections,
    /// 53400
    ConfigurationLimitExceeded,
    /// 54000
    ProgramLimitExceeded,
    /// 55000
    ObjectNotInPrerequisiteState,
    /// 55006
    ObjectInUse,
    /// 55P03
    LockNotAvailable,
    /// 55P02
    CantChangeRuntimeParam,
    /// 57014
    QueryCanceled,
    /// 72000
    SnapshotTooOld,
    /// 57P01
    AdminShutdown,
    /// 57P03
    CannotConnectNow,
    /// 57P05
    IdleSessionTimeout,
    /// 58030
    IoError,
    /// 58P01
    UndefinedFile,
    /// XX000
    InternalError,
    /// XX001
    DataCorrupted,
}

/// Why a statement was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// A cancel request or `pg_cancel_backend`.
    User,
    /// `statement_timeout`.
    StatementTimeout,
    /// The server stops or an administrator ended the session.
    Shutdown,
    /// The client is gone; nobody reads the error.
    Disconnected,
}

/// An error that the server itself found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StatementError {
    /// What happened.
    pub condition: Condition,
    /// Lower case, no full stop.
    pub message: String,
    /// A sentence.
    pub detail: Option<String>,
    /// A sentence that says what to do.
    pub hint: Option<String>,
    /// Where in the statement's text: characters from 1.
    pub position: Option<usize>,
    /// Whether the connection ends with it.
    pub fatal: bool,
    /// What it is about.
    pub subject: Subject,
}

/// What an error is about, where PostgreSQL names that in fields of their own: a table that the statement writes into,
/// never more than its message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The table's schema.
    pub schema: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
}

/// An error of the server or of a crate below it.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Found by the server.
    #[error(transparent)]
    Statement(Box<StatementError>),
    /// Found while a statement was read or bound.
    #[error(transparent)]
    Sql(Box<SqlError>),
    /// Of the lake.
    #[error(transparent)]
    Lake(Box<LakeError>),
    /// Of security.
    #[error(transparent)]
    Security(Box<SecurityError>),
    /// Of a load.
    #[error(transparent)]
    Load(Box<LoadError>),
    /// Of the engine, possibly with one of the others inside.
    #[error(transparent)]
    Engine(Box<DataFusionError>),
    /// One of the others, with what was being done to which part of the input (PostgreSQL's CONTEXT).
    #[error("{source}")]
    At {
        /// `COPY t, line 2, column a: "x"`
        context: String,
        /// What happened there.
        source: Box<ServerError>,
    },
    /// Of a socket or a file.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, with the path or address.
        action: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Stopped from outside.
    #[error("canceled")]
    Cancelled(CancelReason),
    /// A panic, with its message: a defect of ours.
    #[error("panic: {0}")]
    Panicked(String),
}

impl ServerError {
    /// An error without place, detail or hint.
    pub fn new(condition: Condition, message: impl Into<String>) -> Self {
        Self::Statement(Box::new(StatementError {
            condition,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            fatal: false,
            subject: Subject::default(),
        }))
    }

    /// `0A000` for something that LIS does not do.
    pub fn not_supported(what: impl Into<String>) -> Self {
        Self::new(Condition::FeatureNotSupported, what)
    }

    /// A file or socket error with what was being done.
    pub fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    fn change(mut self, change: impl FnOnce(&mut StatementError)) -> Self {
        if let Self::Statement(error) = &mut self {
            change(error);
        }
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        self.change(|error| error.detail = Some(detail.into()))
    }

    /// Adds the part of the input that was being read, unless one is there.
    #[must_use]
    pub fn in_context(self, context: impl FnOnce() -> String) -> Self {
        match self {
            Self::At { .. } | Self::Cancelled(_) | Self::Panicked(_) => self,
            other => Self::At { context: context(), source: Box::new(other) },
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        self.change(|error| error.hint = Some(hint.into()))
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(self, subject: Subject) -> Self {
        self.change(|error| error.subject = subject)
    }

    /// Says where.
    #[must_use]
    pub fn at(self, position: Option<usize>) -> Self {
        self.change(|error| error.position = error.position.or(position))
    }

    /// Ends the connection.
    #[must_use]
    pub fn fatal(self) -> Self {
        self.change(|error| error.fatal = true)
    }

    /// Whether the connection ends with it.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Statement(error) => error.fatal,
            Self::Cancelled(CancelReason::Shutdown | CancelReason::Disconnected) => true,
            Self::At { source, .. } => source.is_fatal(),
            Self::Sql(_)
            | Self::Lake(_)
            | Self::Security(_)
            | Self::Load(_)
            | Self::Engine(_)
            | Self::Io { .. }
            | Self::Cancelled(CancelReason::User | CancelReason::StatementTimeout)
            | Self::Panicked(_) => false,
        }
    }

    /// Moves the position of an error in one statement of several to where the statement stands in the message.
    #[must_use]
    pub fn offset_by(mut self, characters: usize) -> Self {
        match &mut self {
            Self::Statement(error) => error.position = error.position.map(|position| position + characters),
            Self::Sql(error) => error.position = error.position.map(|position| position + characters),
            Self::Security(error) => {
                if let Some(inner) = &mut error.sql {
                    inner.position = inner.position.map(|position| position + characters);
                }
            }
            // Its place is in the input.
            Self::At { .. }
            | Self::Lake(_)
            | Self::Load(_)
            | Self::Engine(_)
            | Self::Io { .. }
            | Self::Cancelled(_)
            | Self::Panicked(_) => {}
        }
        self
    }
}

impl From<SqlError> for ServerError {
    fn from(error: SqlError) -> Self {
        Self::Sql(Box::new(error))
    }
}

impl From<LakeError> for ServerError {
    fn from(error: LakeError) -> Self {
        Self::Lake(Box::new(error))
    }
}

impl From<SecurityError> for ServerError {
    fn from(error: SecurityError) -> Self {
        Self::Security(Box::new(error))
    }
}

impl From<LoadError> for ServerError {
    fn from(error: LoadError) -> Self {
        Self::Load(Box::new(error))
    }
}

impl From<DataFusionError> for ServerError {
    fn from(error: DataFusionError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<arrow::error::ArrowError> for ServerError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Engine(Box::new(error.into()))
    }
}

impl From<lis_functions::error::FunctionError> for ServerError {
    fn from(error: lis_functions::error::FunctionError) -> Self {
        Self::Engine(Box::new(error.into()))
    }
}
