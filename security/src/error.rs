//! What security refuses and why. The kind stands for one SQLSTATE, which the server writes; the message is what the
//! client may read. A refused login carries its true reason apart, for the audit alone: outside, an unknown user and a
//! wrong password look alike.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use lis_lake::{error::LakeError, names::Identifier};
use lis_sql::error::SqlError;

/// The kinds of refusal, named as PostgreSQL's condition names. Closed: a new one stops the build where the server
/// gives it an SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecurityErrorKind {
    /// 42501
    InsufficientPrivilege,
    /// 28P01
    InvalidPassword,
    /// 28000
    InvalidAuthorizationSpecification,
    /// 53300
    TooManyConnections,
    /// 42704
    UndefinedObject,
    /// 42710
    DuplicateObject,
    /// 42P01
    UndefinedTable,
    /// 42703
    UndefinedColumn,
    /// 42883
    UndefinedFunction,
    /// 3F000
    InvalidSchemaName,
    /// 0LP01
    InvalidGrantOperation,
    /// 0P000
    InvalidRoleSpecification,
    /// 2BP01
    DependentObjectsStillExist,
    /// 42939
    ReservedName,
    /// 42809
    WrongObjectType,
    /// 22023
    InvalidParameterValue,
    /// 22007
    InvalidDatetimeFormat,
    /// 55006
    ObjectInUse,
    /// 0A000
    FeatureNotSupported,
    /// 55000
    ObjectNotInPrerequisiteState,
    /// 40001
    SerializationFailure,
    /// The binder's refusal of a policy's expression: see [`SecurityError::sql`].
    Sql,
    /// 58000: the metadata database or the audit could not be read or written
    System,
    /// XX000: a defect of ours
    Internal,
}

/// An error of security.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SecurityError {
    /// What kind.
    pub kind: SecurityErrorKind,
    /// Lower case, no full stop.
    pub message: String,
    /// A sentence.
    pub detail: Option<String>,
    /// A sentence that says what to do.
    pub hint: Option<String>,
    /// The binder's error, where it is one.
    pub sql: Option<Box<SqlError>>,
    /// The truth for the audit, where the client is not told it.
    pub audit_reason: Option<String>,
}

impl SecurityError {
    /// An error without detail or hint.
    pub fn new(kind: SecurityErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None, sql: None, audit_reason: None }
    }

    /// `permission denied …`
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(SecurityErrorKind::InsufficientPrivilege, message)
    }

    /// `role "x" does not exist`
    pub fn no_role(name: &Identifier) -> Self {
        Self::new(SecurityErrorKind::UndefinedObject, format!("role \"{}\" does not exist", name.as_str()))
    }

    /// Something that cannot happen.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(SecurityErrorKind::Internal, message)
    }

    /// The error of ours inside one of the engine's, however deep: system relations refuse while they are read.
    pub fn find(error: &DataFusionError) -> Option<&Self> {
        match error {
            DataFusionError::External(inner) => inner.downcast_ref(),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => Self::find(inner),
            DataFusionError::Shared(inner) => Self::find(inner),
            DataFusionError::Collection(several) => several.iter().find_map(Self::find),
            DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
                ArrowError::ExternalError(inner) => inner
                    .downcast_ref::<Self>()
                    .or_else(|| inner.downcast_ref::<DataFusionError>().and_then(Self::find)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what only the audit may know.
    #[must_use]
    pub fn with_audit_reason(mut self, reason: impl Into<String>) -> Self {
        self.audit_reason = Some(reason.into());
        self
    }
}

impl From<SqlError> for SecurityError {
    fn from(error: SqlError) -> Self {
        Self {
            kind: SecurityErrorKind::Sql,
            message: error.message.clone(),
            detail: error.detail.clone(),
            hint: error.hint.clone(),
            sql: Some(Box::new(error)),
            audit_reason: None,
        }
    }
}

impl From<LakeError> for SecurityError {
    fn from(error: LakeError) -> Self {
        Self::new(SecurityErrorKind::System, error.to_string())
    }
}
