//! THE mapping: every error of every crate to SQLSTATE, severity, message, detail, hint and position. The only place
//! that knows a code. What is a defect of ours goes to the log under a number; the client sees the number, not the
//! internals. A new variant anywhere stops the build here until somebody decides what a client may know of it.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use lis_functions::error::{FunctionError, FunctionErrorKind};
use lis_lake::error::LakeError;
use lis_loaders::LoadError;
use lis_security::{SecurityError, SecurityErrorKind};
use lis_sql::error::{SqlError, SqlErrorKind};
use pgwire::messages::{
    PgWireBackendMessage,
    response::{ErrorResponse, NoticeResponse},
};

use crate::error::{CancelReason, Condition, ServerError, StatementError, Subject};

/// A five-letter code of the SQL standard or PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SqlState(&'static str);

impl SqlState {
    /// The code.
    pub(crate) const fn code(self) -> &'static str {
        self.0
    }
}

impl From<Condition> for SqlState {
    fn from(condition: Condition) -> Self {
        Self(match condition {
            Condition::SuccessfulCompletion => "00000",
            Condition::Warning => "01000",
            Condition::ProtocolViolation => "08P01",
            Condition::FeatureNotSupported => "0A000",
            Condition::CardinalityViolation => "21000",
            Condition::DataException => "22000",
            Condition::StringDataRightTruncation => "22001",
            Condition::NumericValueOutOfRange => "22003",
            Condition::NullValueNotAllowed => "22004",
            Condition::InvalidDatetimeFormat => "22007",
            Condition::DatetimeFieldOverflow => "22008",
            Condition::DivisionByZero => "22012",
            Condition::CharacterNotInRepertoire => "22021",
            Condition::InvalidParameterValue => "22023",
            Condition::InvalidTextRepresentation => "22P02",
            Condition::InvalidBinaryRepresentation => "22P03",
            Condition::BadCopyFileFormat => "22P04",
            Condition::UntranslatableCharacter => "22P05",
            Condition::NotNullViolation => "23502",
            Condition::CheckViolation => "23514",
            Condition::UniqueViolation => "23505",
            Condition::InvalidCursorState => "24000",
            Condition::ActiveSqlTransaction => "25001",
            Condition::ReadOnlySqlTransaction => "25006",
            Condition::NoActiveSqlTransaction => "25P01",
            Condition::InFailedSqlTransaction => "25P02",
            Condition::IdleInTransactionSessionTimeout => "25P03",
            Condition::InvalidSqlStatementName => "26000",
            Condition::InvalidAuthorizationSpecification => "28000",
            Condition::InvalidPassword => "28P01",
            Condition::DependentObjectsStillExist => "2BP01",
            Condition::InvalidCursorName => "34000",
            Condition::InvalidSavepointSpecification => "3B001",
            Condition::UndefinedDatabase => "3D000",
            Condition::UndefinedSchema => "3F000",
            Condition::SerializationFailure => "40001",
            Condition::InsufficientPrivilege => "42501",
            Condition::SyntaxError => "42601",
            Condition::InvalidName => "42602",
            Condition::DuplicateColumn => "42701",
            Condition::UndefinedColumn => "42703",
            Condition::UndefinedObject => "42704",
            Condition::DuplicateObject => "42710",
            Condition::DatatypeMismatch => "42804",
            Condition::WrongObjectType => "42809",
            Condition::InvalidForeignKey => "42830",
            Condition::UndefinedFunction => "42883",
            Condition::ReservedName => "42939",
            Condition::UndefinedTable => "42P01",
            Condition::InvalidColumnReference => "42P10",
            Condition::DuplicateCursor => "42P03",
            Condition::DuplicatePreparedStatement => "42P05",
            Condition::DuplicateSchema => "42P06",
            Condition::DuplicateTable => "42P07",
            Condition::InvalidTableDefinition => "42P16",
            Condition::InsufficientResources => "53000",
            Condition::DiskFull => "53100",
            Condition::OutOfMemory => "53200",
            Condition::TooManyConnections => "53300",
            Condition::ConfigurationLimitExceeded => "53400",
            Condition::ProgramLimitExceeded => "54000",
            Condition::ObjectNotInPrerequisiteState => "55000",
            Condition::ObjectInUse => "55006",
            Condition::LockNotAvailable => "55P03",
            Condition::CantChangeRuntimeParam => "55P02",
            Condition::QueryCanceled => "57014",
            Condition::SnapshotTooOld => "72000",
            Condition::AdminShutdown => "57P01",
            Condition::CannotConnectNow => "57P03",
            Condition::IdleSessionTimeout => "57P05",
            Condition::IoError => "58030",
            Condition::UndefinedFile => "58P01",
            Condition::InternalError => "XX000",
            Condition::DataCorrupted => "XX001",
        })
    }
}

impl From<SqlErrorKind> for SqlState {
    fn from(kind: SqlErrorKind) -> Self {
        Self(match kind {
            SqlErrorKind::SyntaxError => "42601",
            SqlErrorKind::UndefinedColumn => "42703",
            SqlErrorKind::UndefinedTable => "42P01",
            SqlErrorKind::UndefinedFunction => "42883",
            SqlErrorKind::UndefinedObject => "42704",
            SqlErrorKind::InvalidSchemaName => "3F000",
            SqlErrorKind::InvalidSchemaDefinition => "42P15",
            SqlErrorKind::UndefinedParameter => "42P02",
            SqlErrorKind::AmbiguousColumn => "42702",
            SqlErrorKind::AmbiguousFunction => "42725",
            SqlErrorKind::AmbiguousParameter => "42P08",
            SqlErrorKind::AmbiguousAlias => "42P09",
            SqlErrorKind::DuplicateAlias => "42712",
            SqlErrorKind::DuplicateColumn => "42701",
            SqlErrorKind::DuplicateTable => "42P07",
            SqlErrorKind::DuplicateSchema => "42P06",
            SqlErrorKind::DuplicateObject => "42710",
            SqlErrorKind::DatatypeMismatch => "42804",
            SqlErrorKind::CannotCoerce => "42846",
            SqlErrorKind::CollationMismatch => "42P21",
            SqlErrorKind::IndeterminateCollation => "42P22",
            SqlErrorKind::Value(kind) => return kind.into(),
            SqlErrorKind::GroupingError => "42803",
            SqlErrorKind::WindowingError => "42P20",
            SqlErrorKind::InvalidColumnReference => "42P10",
            SqlErrorKind::IndeterminateDatatype => "42P18",
            SqlErrorKind::InvalidRecursion => "42P19",
            SqlErrorKind::WrongObjectType => "42809",
            SqlErrorKind::InvalidColumnDefinition => "42611",
            SqlErrorKind::InvalidTableDefinition => "42P16",
            SqlErrorKind::NameTooLong => "42622",
            SqlErrorKind::InvalidParameterValue => "22023",
            SqlErrorKind::InvalidTextRepresentation => "22P02",
            SqlErrorKind::NumericValueOutOfRange => "22003",
            SqlErrorKind::InvalidDatetimeFormat => "22007",
            SqlErrorKind::DatetimeFieldOverflow => "22008",
            SqlErrorKind::DivisionByZero => "22012",
            SqlErrorKind::StringDataRightTruncation => "22001",
            SqlErrorKind::CharacterNotInRepertoire => "22021",
            SqlErrorKind::NullValueNotAllowed => "22004",
            SqlErrorKind::InvalidPrecedingOrFollowingSize => "22013",
            SqlErrorKind::InvalidArgumentForNtile => "22014",
            SqlErrorKind::InvalidArgumentForNthValue => "22016",
            SqlErrorKind::InvalidTablesampleArgument => "2202H",
            SqlErrorKind::InvalidTablesampleRepeat => "2202G",
            SqlErrorKind::InvalidRowCountInLimitClause => "2201W",
            SqlErrorKind::InvalidRowCountInResultOffsetClause => "2201X",
            SqlErrorKind::CardinalityViolation => "21000",
            SqlErrorKind::StatementTooComplex => "54001",
            SqlErrorKind::TooManyColumns => "54011",
            SqlErrorKind::FeatureNotSupported => "0A000",
            SqlErrorKind::InsufficientPrivilege => "42501",
            SqlErrorKind::DependentObjectsStillExist => "2BP01",
            SqlErrorKind::ReservedName => "42939",
            SqlErrorKind::InvalidGrantOperation => "0LP01",
            SqlErrorKind::Internal => "XX000",
        })
    }
}

impl From<FunctionErrorKind> for SqlState {
    fn from(kind: FunctionErrorKind) -> Self {
        Self(match kind {
            FunctionErrorKind::InvalidTextRepresentation => "22P02",
            FunctionErrorKind::NumericValueOutOfRange => "22003",
            FunctionErrorKind::DivisionByZero => "22012",
            FunctionErrorKind::InvalidDatetimeFormat => "22007",
            FunctionErrorKind::DatetimeFieldOverflow => "22008",
            FunctionErrorKind::IntervalFieldOverflow => "22015",
            FunctionErrorKind::InvalidTimeZoneDisplacement => "22009",
            FunctionErrorKind::DataException => "22000",
            FunctionErrorKind::StringDataLengthMismatch => "22026",
            FunctionErrorKind::InvalidParameterValue => "22023",
            FunctionErrorKind::StringDataRightTruncation => "22001",
            FunctionErrorKind::CharacterNotInRepertoire => "22021",
            FunctionErrorKind::SubstringError => "22011",
            FunctionErrorKind::InvalidRegularExpression => "2201B",
            FunctionErrorKind::InvalidEscapeSequence => "22025",
            FunctionErrorKind::InvalidArgumentForLogarithm => "2201E",
            FunctionErrorKind::InvalidArgumentForPowerFunction => "2201F",
            FunctionErrorKind::InvalidArgumentForNtile => "22014",
            FunctionErrorKind::InvalidArgumentForNthValue => "22016",
            FunctionErrorKind::InvalidArgumentForWidthBucket => "2201G",
            FunctionErrorKind::InvalidPrecedingOrFollowingSize => "22013",
            FunctionErrorKind::InvalidRowCountInLimitClause => "2201W",
            FunctionErrorKind::InvalidRowCountInResultOffsetClause => "2201X",
            FunctionErrorKind::SyntaxError => "42601",
            FunctionErrorKind::ArraySubscriptError => "2202E",
            FunctionErrorKind::NullValueNotAllowed => "22004",
            FunctionErrorKind::InvalidJson => "22030",
            FunctionErrorKind::OutOfMemory => "53200",
            FunctionErrorKind::ProgramLimitExceeded => "54000",
            FunctionErrorKind::UntranslatableCharacter => "22P05",
            FunctionErrorKind::InvalidArgumentForSqlJsonDatetimeFunction => "22031",
            FunctionErrorKind::InvalidSqlJsonSubscript => "22033",
            FunctionErrorKind::NonNumericSqlJsonItem => "22036",
            FunctionErrorKind::SingletonSqlJsonItemRequired => "22038",
            FunctionErrorKind::SqlJsonArrayNotFound => "22039",
            FunctionErrorKind::SqlJsonMemberNotFound => "2203A",
            FunctionErrorKind::SqlJsonNumberNotFound => "2203B",
            FunctionErrorKind::SqlJsonObjectNotFound => "2203C",
            FunctionErrorKind::UndefinedObject => "42704",
            FunctionErrorKind::StatementTooComplex => "54001",
            FunctionErrorKind::CardinalityViolation => "21000",
            FunctionErrorKind::DatatypeMismatch => "42804",
            FunctionErrorKind::UndefinedFunction => "42883",
            FunctionErrorKind::FeatureNotSupported => "0A000",
            FunctionErrorKind::QueryCanceled => "57014",
            FunctionErrorKind::Internal => "XX000",
        })
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Something a client may want to know.
    Notice,
    /// Something a client should know.
    Warning,
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// An error or notice as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// How bad.
    pub(crate) severity: Severity,
    /// Its code.
    pub(crate) state: SqlState,
    /// Lower case, no full stop.
    pub(crate) message: String,
    /// A sentence.
    pub(crate) detail: Option<String>,
    /// A sentence that says what to do.
    pub(crate) hint: Option<String>,
    /// Characters from 1.
    pub(crate) position: Option<usize>,
    /// What was being done: CONTEXT.
    pub(crate) context: Option<String>,
    /// What it is about.
    pub(crate) subject: Subject,
}

impl Report {
    fn error(state: impl Into<SqlState>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            state: state.into(),
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            subject: Subject::default(),
        }
    }

    /// A notice.
    pub(crate) fn notice(message: impl Into<String>) -> Self {
        Self::notice_of(Condition::SuccessfulCompletion, message)
    }

    /// A notice that has a code.
    pub(crate) fn notice_of(condition: Condition, message: impl Into<String>) -> Self {
        Self { severity: Severity::Notice, ..Self::error(condition, message) }
    }

    /// A warning.
    pub(crate) fn warning(condition: Condition, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(condition, message) }
    }

    /// Its level among `client_min_messages`.
    pub(crate) fn level(&self) -> &'static str {
        match self.severity {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error | Severity::Fatal => "error",
        }
    }

    /// The same at the end of a connection.
    pub(crate) fn as_fatal(&self) -> Self {
        Self { severity: Severity::Fatal, ..self.clone() }
    }

    /// The message of the protocol.
    pub(crate) fn to_message(&self) -> PgWireBackendMessage {
        let mut fields = vec![
            (b'S', self.severity.name().to_owned()),
            (b'V', self.severity.name().to_owned()),
            (b'C', self.state.code().to_owned()),
            (b'M', self.message.clone()),
        ];
        let optional = [
            (b'D', self.detail.clone()),
            (b'H', self.hint.clone()),
            (b'P', self.position.map(|position| position.to_string())),
            (b'W', self.context.clone()),
            (b's', self.subject.schema.clone()),
            (b't', self.subject.table.clone()),
            (b'c', self.subject.column.clone()),
            (b'n', self.subject.constraint.clone()),
        ];
        fields.extend(optional.into_iter().filter_map(|(code, value)| Some((code, value?))));
        // A zero byte inside a field would end it.
        for (_, value) in &mut fields {
            value.retain(|character| character != '\0');
        }
        if self.severity >= Severity::Error {
            PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields))
        } else {
            PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields))
        }
    }
}

impl From<&ServerError> for Report {
    fn from(error: &ServerError) -> Self {
        match error {
            ServerError::Statement(error) => error.as_ref().into(),
            ServerError::At { context, source } => {
                Self { context: Some(context.clone()), ..Self::from(source.as_ref()) }
            }
            ServerError::Sql(error) => sql(error),
            ServerError::Lake(error) => lake(error),
            ServerError::Security(error) => security(error),
            ServerError::Load(error) => load(error),
            ServerError::Engine(error) => engine(error),
            ServerError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Report::error(Condition::DiskFull, error.to_string())
            }
            ServerError::Io { .. } => Report::error(Condition::IoError, error.to_string()),
            ServerError::Cancelled(reason) => cancelled(*reason),
            ServerError::Panicked(message) => internal(&format!("panic: {message}")),
        }
    }
}

impl From<&StatementError> for Report {
    fn from(error: &StatementError) -> Self {
        Self {
            severity: if error.fatal { Severity::Fatal } else { Severity::Error },
            state: error.condition.into(),
            message: error.message.clone(),
            detail: error.detail.clone(),
            hint: error.hint.clone(),
            position: error.position,
            context: None,
            subject: error.subject.clone(),
        }
    }
}

fn cancelled(reason: CancelReason) -> Report {
    let (severity, condition, message) = match reason {
        CancelReason::User => {
            (Severity::Error, Condition::QueryCanceled, "canceling statement due to user request")
        }
        CancelReason::StatementTimeout => {
            (Severity::Error, Condition::QueryCanceled, "canceling statement due to statement timeout")
        }
        CancelReason::Shutdown | CancelReason::Disconnected => {
            (Severity::Fatal, Condition::AdminShutdown, "terminating connection due to administrator command")
        }
    };
    Report { severity, ..Report::error(condition, message) }
}

fn sql(error: &SqlError) -> Report {
    if error.kind == SqlErrorKind::Internal {
        return internal(&error.message);
    }
    Report {
        detail: error.detail.clone(),
        hint: error.hint.clone(),
        position: error.position,
        ..Report::error(error.kind, error.message.clone())
    }
}

fn security(error: &SecurityError) -> Report {
    if let Some(inner) = &error.sql {
        return sql(inner);
    }
    let state = match error.kind {
        SecurityErrorKind::InsufficientPrivilege => "42501",
        SecurityErrorKind::InvalidPassword => "28P01",
        SecurityErrorKind::InvalidAuthorizationSpecification => "28000",
        SecurityErrorKind::TooManyConnections => "53300",
        SecurityErrorKind::UndefinedObject => "42704",
        SecurityErrorKind::DuplicateObject => "42710",
        SecurityErrorKind::UndefinedTable => "42P01",
        SecurityErrorKind::UndefinedColumn => "42703",
        SecurityErrorKind::UndefinedFunction => "42883",
        SecurityErrorKind::InvalidSchemaName => "3F000",
        SecurityErrorKind::InvalidGrantOperation => "0LP01",
        SecurityErrorKind::InvalidRoleSpecification => "0P000",
        SecurityErrorKind::DependentObjectsStillExist => "2BP01",
        SecurityErrorKind::ReservedName => "42939",
        SecurityErrorKind::WrongObjectType => "42809",
        SecurityErrorKind::InvalidParameterValue => "22023",
        SecurityErrorKind::InvalidDatetimeFormat => "22007",
        SecurityErrorKind::ObjectInUse => "55006",
        SecurityErrorKind::ObjectNotInPrerequisiteState => "55000",
        SecurityErrorKind::FeatureNotSupported => "0A000",
        SecurityErrorKind::SerializationFailure => "40001",
        SecurityErrorKind::Sql | SecurityErrorKind::Internal => return internal(&error.message),
        SecurityErrorKind::System => {
            let number = incident();
            tracing::error!(number, error = error.message, "the catalogue or the audit failed");
            return Report {
                hint: Some(format!("The server's log has the details under {number}.")),
                ..Report::error(SqlState("58000"), "the catalogue or the audit cannot be read or written")
            };
        }
    };
    Report {
        detail: error.detail.clone(),
        hint: error.hint.clone(),
        ..Report::error(SqlState(state), error.message.clone())
    }
}

fn load(error: &LoadError) -> Report {
    let condition = match error {
        LoadError::Lake(inner) => return lake(inner),
        LoadError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            Condition::DiskFull
        }
        LoadError::Io { .. } => Condition::IoError,
        LoadError::Busy { .. } => Condition::ObjectInUse,
        LoadError::UnknownSource { .. } | LoadError::NoBatch { .. } => Condition::UndefinedObject,
        LoadError::NotPublished { .. } | LoadError::NotUndoable { .. } => {
            Condition::ObjectNotInPrerequisiteState
        }
        _ => Condition::DataException,
    };
    let detail = match error {
        LoadError::NotUndoable { detail, .. } => Some(detail.clone()),
        _ => None,
    };
    Report { hint: error.hint(), detail, ..Report::error(condition, error.to_string()) }
}

fn lake(error: &LakeError) -> Report {
    let plain = |condition| Report::error(condition, error.to_string());
    match error {
        LakeError::Damaged { .. } | LakeError::DamagedFile { .. } | LakeError::AlteredMigration { .. } => {
            tracing::error!(%error, "the warehouse is damaged");
            plain(Condition::DataCorrupted)
        }
        LakeError::NotFound { .. } => plain(Condition::UndefinedDatabase),
        LakeError::AlreadyExists { .. } => plain(Condition::DuplicateObject),
        LakeError::Newer { .. } => plain(Condition::ObjectNotInPrerequisiteState),
        LakeError::Conflict { .. } => plain(Condition::SerializationFailure),
        LakeError::Busy { .. } | LakeError::WaitedTooLong => plain(Condition::LockNotAvailable),
        LakeError::UniqueViolation { .. } => plain(Condition::UniqueViolation),
        LakeError::Duplicate { kind, .. } => plain(match *kind {
            "schema" => Condition::DuplicateSchema,
            "column" => Condition::DuplicateColumn,
            "relation" | "table" | "view" => Condition::DuplicateTable,
            kind if kind.starts_with("primary key") => Condition::InvalidTableDefinition,
            _ => Condition::DuplicateObject,
        }),
        LakeError::Unknown { kind, .. } => plain(match *kind {
            "schema" => Condition::UndefinedSchema,
            "column" => Condition::UndefinedColumn,
            "relation" | "table" | "view" => Condition::UndefinedTable,
            _ => Condition::UndefinedObject,
        }),
        LakeError::ReservedColumn { .. } => plain(Condition::DuplicateColumn),
        LakeError::TemporaryFull { .. } => plain(Condition::ConfigurationLimitExceeded),
        LakeError::SchemaNotEmpty { .. } => plain(Condition::DependentObjectsStillExist),
        LakeError::UnsupportedType { .. } | LakeError::UnsupportedFeature { .. } => {
            plain(Condition::FeatureNotSupported)
        }
        LakeError::NullInColumn { .. } => plain(Condition::NotNullViolation),
        LakeError::Shape { .. } => plain(Condition::DatatypeMismatch),
        LakeError::DiskFull { path } => {
            // Where the warehouse's files are is for those who run it.
            tracing::error!(path = %path.display(), "the disk is full");
            Report::error(Condition::DiskFull, "no space left on the disk of the warehouse")
        }
        LakeError::Backup { .. } => plain(Condition::ObjectNotInPrerequisiteState),
        LakeError::PermissionDenied { .. } | LakeError::Missing { .. } => plain(Condition::IoError),
        LakeError::NoPointInTime { .. } => plain(Condition::InvalidParameterValue),
        LakeError::NotUndoable { detail } => {
            Report { detail: Some(detail.clone()), ..plain(Condition::ObjectNotInPrerequisiteState) }
        }
        LakeError::Expired { .. } => plain(Condition::SnapshotTooOld),
        LakeError::NoSnapshot(_) => plain(Condition::UndefinedObject),
        LakeError::Stopped => plain(Condition::AdminShutdown),
        LakeError::Engine(inner) => engine(inner),
        LakeError::Part(inner) => external(inner.as_ref()),
        LakeError::Io { source, .. } => Report {
            detail: Some(format!("The operating system says: {source}.")),
            ..plain(Condition::IoError)
        },
        LakeError::Database(_) | LakeError::Parquet { .. } => {
            let number = incident();
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(number, %error, cause, "the warehouse's files failed");
            Report {
                hint: Some(format!("The log has the details under {number}.")),
                ..plain(Condition::IoError)
            }
        }
    }
}

/// An error of the lake that a query met. Whoever asks may know which file it is, but not where the warehouse lies.
fn data_file(error: &LakeError) -> Report {
    let name = |path: &std::path::Path| {
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    let (condition, message, detail) = match error {
        LakeError::DamagedFile { path, detail } => (
            Condition::DataCorrupted,
            format!("data file \"{}\" is damaged", name(path)),
            Some(format!("Of the file is found: {detail}.")),
        ),
        LakeError::Missing { path } => {
            (Condition::UndefinedFile, format!("data file \"{}\" is missing", name(path)), None)
        }
        LakeError::PermissionDenied { path } => {
            (Condition::IoError, format!("data file \"{}\" cannot be opened", name(path)), None)
        }
        LakeError::Io { path, source } => (
            Condition::IoError,
            format!("data file \"{}\" cannot be read", name(path)),
            Some(format!("The operating system says: {source}.")),
        ),
        error => return lake(error),
    };
    tracing::error!(%error, "a data file cannot be read");
    let hint = "Ask the operator to restore the file from a backup; the server's log has its place.";
    Report { detail, hint: Some(hint.to_owned()), ..Report::error(condition, message) }
}

/// Finds what really happened inside DataFusion's wrappings.
fn engine(error: &DataFusionError) -> Report {
    if let Some(error) = FunctionError::find(error) {
        return function(error);
    }
    if let Some(error) = SecurityError::find(error) {
        return security(error);
    }
    if let Some(error) = LakeError::find(error) {
        return data_file(error);
    }
    match error {
        DataFusionError::External(inner) => external(inner.as_ref()),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => engine(inner),
        DataFusionError::Shared(inner) => engine(inner),
        DataFusionError::Collection(several) => match several.first() {
            Some(first) => engine(first),
            None => internal("an empty collection of errors"),
        },
        DataFusionError::ArrowError(inner, _) => arrow(inner),
        DataFusionError::ResourcesExhausted(_) => Report {
            detail: Some("The statement needs more memory than the server gives to statements.".to_owned()),
            hint: Some(
                "Select fewer rows or columns, or ask the administrator to raise limits.memory_mebibytes."
                    .to_owned(),
            ),
            ..Report::error(Condition::OutOfMemory, "out of memory")
        },
        DataFusionError::NotImplemented(message) => {
            tracing::info!(%error, "not implemented by the engine");
            Report::error(
                Condition::FeatureNotSupported,
                format!("this form of query is not supported: {}", first_line(message)),
            )
        }
        DataFusionError::IoError(inner) if inner.kind() == std::io::ErrorKind::StorageFull => {
            Report::error(Condition::DiskFull, format!("could not write a temporary file: {inner}"))
        }
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => {
            let number = incident();
            tracing::error!(number, %error, "a data file cannot be read or written");
            Report {
                hint: Some(format!("The server's log has the details under {number}.")),
                ..Report::error(Condition::IoError, "a data file could not be read")
            }
        }
        DataFusionError::ExecutionJoin(inner) if inner.is_panic() => internal(&format!("panic: {inner}")),
        DataFusionError::Internal(_)
        | DataFusionError::Plan(_)
        | DataFusionError::Configuration(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Execution(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::Substrait(_)
        | DataFusionError::Ffi(_) => internal(&error.to_string()),
    }
}

fn external(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Report {
    if let Some(error) = error.downcast_ref::<ServerError>() {
        Report::from(error)
    } else if let Some(error) = error.downcast_ref::<SqlError>() {
        sql(error)
    } else if let Some(error) = error.downcast_ref::<LakeError>() {
        lake(error)
    } else if let Some(error) = error.downcast_ref::<SecurityError>() {
        security(error)
    } else if let Some(error) = error.downcast_ref::<FunctionError>() {
        function(error)
    } else if let Some(error) = error.downcast_ref::<DataFusionError>() {
        engine(error)
    } else if let Some(error) = error.downcast_ref::<ArrowError>() {
        arrow(error)
    } else {
        internal(&error.to_string())
    }
}

fn function(error: &FunctionError) -> Report {
    if error.kind == FunctionErrorKind::Internal {
        return internal(&error.message);
    }
    Report {
        detail: error.detail.clone(),
        hint: error.hint.clone(),
        ..Report::error(error.kind, error.message.clone())
    }
}

fn arrow(error: &ArrowError) -> Report {
    match error {
        ArrowError::ExternalError(inner) => external(inner.as_ref()),
        ArrowError::DivideByZero => Report::error(Condition::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(_) => {
            Report::error(Condition::NumericValueOutOfRange, "value out of range")
        }
        ArrowError::OffsetOverflowError(_) => {
            Report::error(Condition::ProgramLimitExceeded, "a column of one batch is larger than 2 GiB")
        }
        ArrowError::IoError(_, inner) => Report::error(Condition::IoError, inner.to_string()),
        ArrowError::NotYetImplemented(_)
        | ArrowError::CastError(_)
        | ArrowError::MemoryError(_)
        | ArrowError::ParseError(_)
        | ArrowError::SchemaError(_)
        | ArrowError::ComputeError(_)
        | ArrowError::CsvError(_)
        | ArrowError::JsonError(_)
        | ArrowError::AvroError(_)
        | ArrowError::IpcError(_)
        | ArrowError::InvalidArgumentError(_)
        | ArrowError::ParquetError(_)
        | ArrowError::CDataInterface(_)
        | ArrowError::DictionaryKeyOverflowError
        | ArrowError::RunEndIndexOverflowError => internal(&error.to_string()),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A number under which the log has what the client is not told.
fn incident() -> String {
    format!("{:08x}", rand::random::<u32>())
}

/// A defect of ours: logged, and shown as a number.
fn internal(what: &str) -> Report {
    let number = incident();
    tracing::error!(number, what, "internal error");
    Report {
        hint: Some(format!("The server's log has the details under {number}.")),
        ..Report::error(Condition::InternalError, format!("internal error {number}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn state(error: DataFusionError) -> &'static str {
        Report::from(&ServerError::from(error)).state.code()
    }

    #[test]
    fn errors_are_found_inside_the_engines_wrappings() {
        let divide = || DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None);
        assert_eq!(state(divide().context("while")), "22012");
        assert_eq!(state(DataFusionError::Shared(Arc::new(divide()))), "22012");
        assert_eq!(state(DataFusionError::Collection(vec![divide()])), "22012");
        let sql = SqlError::new(SqlErrorKind::UndefinedTable, "relation \"x\" does not exist");
        assert_eq!(state(DataFusionError::External(Box::new(sql))), "42P01");
        assert_eq!(state(DataFusionError::ResourcesExhausted("x".to_owned())), "53200");
    }

    #[test]
    fn a_defect_shows_its_number_and_nothing_else() {
        let report = Report::from(&ServerError::from(DataFusionError::Internal("secret".to_owned())));
        assert_eq!(report.state.code(), "XX000");
        assert!(!format!("{report:?}").contains("secret"));
    }
}
