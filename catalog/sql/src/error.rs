//! What can be wrong with a statement. Each kind stands for one SQLSTATE of PostgreSQL's, which the server writes.

use lis_functions::error::FunctionErrorKind;

/// The kinds of error, named as PostgreSQL's condition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlErrorKind {
    /// 42601
    SyntaxError,
    /// 42703
    UndefinedColumn,
    /// 42P01
    UndefinedTable,
    /// 42883
    UndefinedFunction,
    /// 42704
    UndefinedObject,
    /// 3F000
    InvalidSchemaName,
    /// 42P15
    InvalidSchemaDefinition,
    /// 42P02
    UndefinedParameter,
    /// 42702
    AmbiguousColumn,
    /// 42725
    AmbiguousFunction,
    /// 42P08
    AmbiguousParameter,
    /// 42P09
    AmbiguousAlias,
    /// 42712
    DuplicateAlias,
    /// 42701
    DuplicateColumn,
    /// 42P07
    DuplicateTable,
    /// 42P06
    DuplicateSchema,
    /// 42710
    DuplicateObject,
    /// 42804
    DatatypeMismatch,
    /// 42846
    CannotCoerce,
    /// 42P21
    CollationMismatch,
    /// 42P22
    IndeterminateCollation,
    /// 42803
    GroupingError,
    /// 42P20
    WindowingError,
    /// 42P10
    InvalidColumnReference,
    /// 42P18
    IndeterminateDatatype,
    /// 42P19
    InvalidRecursion,
    /// 42809
    WrongObjectType,
    /// 42611
    InvalidColumnDefinition,
    /// 42P16
    InvalidTableDefinition,
    /// 42622
    NameTooLong,
    /// 42939
    ReservedName,
    /// 0LP01
    InvalidGrantOperation,
    /// 22023
    InvalidParameterValue,
    /// 22P02
    InvalidTextRepresentation,
    /// 22003
    NumericValueOutOfRange,
    /// 22007
    InvalidDatetimeFormat,
    /// 22008
    DatetimeFieldOverflow,
    /// 22012
    DivisionByZero,
    /// 22001
    StringDataRightTruncation,
    /// 22021
    CharacterNotInRepertoire,
    /// 22004
    NullValueNotAllowed,
    /// 22013
    InvalidPrecedingOrFollowingSize,
    /// 22014
    InvalidArgumentForNtile,
    /// 22016
    InvalidArgumentForNthValue,
    /// 2202H
    InvalidTablesampleArgument,
    /// 2202G
    InvalidTablesampleRepeat,
    /// 2201W
    InvalidRowCountInLimitClause,
    /// 2201X
    InvalidRowCountInResultOffsetClause,
    /// 21000
    CardinalityViolation,
    /// 54001
    StatementTooComplex,
    /// 54011
    TooManyColumns,
    /// 0A000
    FeatureNotSupported,
    /// 42501
    InsufficientPrivilege,
    /// 2BP01
    DependentObjectsStillExist,
    /// What a function or an input routine found wrong with a value: its own SQLSTATE
    Value(FunctionErrorKind),
    /// XX000: a defect of ours
    Internal,
}

/// An error in a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// What kind.
    pub kind: SqlErrorKind,
    /// Lower case, no full stop.
    pub message: String,
    /// A sentence.
    pub detail: Option<String>,
    /// A sentence that says what to do.
    pub hint: Option<String>,
    /// Where in the statement's text: characters from 1.
    pub position: Option<usize>,
}

impl SqlError {
    /// An error without place, detail or hint.
    pub fn new(kind: SqlErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None, position: None }
    }

    /// Says where, unless an inner place is known already.
    #[must_use]
    pub fn at(mut self, position: Option<usize>) -> Self {
        self.position = self.position.or(position);
        self
    }

    /// Says where a call stands that is wrong by itself. What computing its value gave has no place in PostgreSQL, where
    /// that happens when the statement runs.
    #[must_use]
    pub fn at_call(self, position: Option<usize>) -> Self {
        use SqlErrorKind as K;
        match self.kind {
            K::InvalidParameterValue
            | K::NumericValueOutOfRange
            | K::InvalidDatetimeFormat
            | K::DatetimeFieldOverflow
            | K::DivisionByZero
            | K::StringDataRightTruncation
            | K::UndefinedObject
            | K::InvalidArgumentForNtile
            | K::InvalidArgumentForNthValue => self,
            _ => self.at(position),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
