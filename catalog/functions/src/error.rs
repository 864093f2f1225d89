//! What can go wrong while a function works on a value. Each kind stands for one SQLSTATE of PostgreSQL's, which the
//! server writes; the message is PostgreSQL's, so that it may be shown as it is.
//!
//! Through DataFusion the error travels as [`DataFusionError::External`]; [`FunctionError::find`] digs it out again
//! from whatever DataFusion and Arrow have wrapped round it.

use arrow::error::ArrowError;
use datafusion::common::DataFusionError;

/// The kinds of error, named as PostgreSQL's condition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionErrorKind {
    /// 22000
    DataException,
    /// 22P02
    InvalidTextRepresentation,
    /// 22003
    NumericValueOutOfRange,
    /// 22012
    DivisionByZero,
    /// 22007
    InvalidDatetimeFormat,
    /// 22008
    DatetimeFieldOverflow,
    /// 22015
    IntervalFieldOverflow,
    /// 22009
    InvalidTimeZoneDisplacement,
    /// 22026
    StringDataLengthMismatch,
    /// 22023
    InvalidParameterValue,
    /// 22001
    StringDataRightTruncation,
    /// 22021
    CharacterNotInRepertoire,
    /// 2201B
    InvalidRegularExpression,
    /// 22025
    InvalidEscapeSequence,
    /// 2201E
    InvalidArgumentForLogarithm,
    /// 2201F
    InvalidArgumentForPowerFunction,
    /// 22014
    InvalidArgumentForNtile,
    /// 22016
    InvalidArgumentForNthValue,
    /// 2201G
    InvalidArgumentForWidthBucket,
    /// 22013
    InvalidPrecedingOrFollowingSize,
    /// 2201W
    InvalidRowCountInLimitClause,
    /// 2201X
    InvalidRowCountInResultOffsetClause,
    /// 42601 of something that is written like SQL
    SyntaxError,
    /// 2202E
    ArraySubscriptError,
    /// 22004
    NullValueNotAllowed,
    /// 22P02 of `json`: a shape that the function cannot use
    InvalidJson,
    /// 53200
    OutOfMemory,
    /// 54000
    ProgramLimitExceeded,
    /// 22011
    SubstringError,
    /// 22P05
    UntranslatableCharacter,
    /// 22031
    InvalidArgumentForSqlJsonDatetimeFunction,
    /// 22033
    InvalidSqlJsonSubscript,
    /// 22036
    NonNumericSqlJsonItem,
    /// 22038
    SingletonSqlJsonItemRequired,
    /// 22039
    SqlJsonArrayNotFound,
    /// 2203A
    SqlJsonMemberNotFound,
    /// 2203B
    SqlJsonNumberNotFound,
    /// 2203C
    SqlJsonObjectNotFound,
    /// 42704
    UndefinedObject,
    /// 54001
    StatementTooComplex,
    /// 21000
    CardinalityViolation,
    /// 42804
    DatatypeMismatch,
    /// 42883
    UndefinedFunction,
    /// 0A000
    FeatureNotSupported,
    /// 57014
    QueryCanceled,
    /// XX000: a defect of ours
    Internal,
}

/// An error from a function or an input routine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// What kind.
    pub kind: FunctionErrorKind,
    /// As PostgreSQL words it: lower case, no full stop.
    pub message: String,
    /// A sentence.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl FunctionError {
    /// An error without a detail or hint.
    pub fn new(kind: FunctionErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None }
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

    /// 22P02 as every input routine words it.
    pub fn invalid_input(type_name: &str, text: &str) -> Self {
        Self::new(
            FunctionErrorKind::InvalidTextRepresentation,
            format!("invalid input syntax for type {type_name}: \"{text}\""),
        )
    }

    /// 22003, `integer out of range` and the like.
    pub fn out_of_range(type_name: &str) -> Self {
        Self::new(FunctionErrorKind::NumericValueOutOfRange, format!("{type_name} out of range"))
    }

    /// 22003 of an input routine.
    pub fn value_out_of_range(type_name: &str, text: &str) -> Self {
        Self::new(
            FunctionErrorKind::NumericValueOutOfRange,
            format!("value \"{text}\" is out of range for type {type_name}"),
        )
    }

    /// 22012.
    pub fn division_by_zero() -> Self {
        Self::new(FunctionErrorKind::DivisionByZero, "division by zero")
    }

    /// 22003, for a `numeric` of more digits than we keep.
    pub fn numeric_overflow() -> Self {
        Self::new(FunctionErrorKind::NumericValueOutOfRange, "numeric field overflow")
            .with_detail("A numeric value can have at most 38 digits here.")
    }

    /// 22023.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(FunctionErrorKind::InvalidParameterValue, message)
    }

    /// 0A000.
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::new(FunctionErrorKind::FeatureNotSupported, message)
    }

    /// XX000: something that the binder should have prevented.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FunctionErrorKind::Internal, message)
    }

    /// The error of ours inside a DataFusion error, however deep.
    pub fn find(error: &DataFusionError) -> Option<&FunctionError> {
        match error {
            DataFusionError::External(inner) => Self::find_dyn(inner.as_ref()),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => Self::find(inner),
            DataFusionError::Shared(inner) => Self::find(inner),
            DataFusionError::Collection(several) => several.iter().find_map(Self::find),
            DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
                ArrowError::ExternalError(inner) => Self::find_dyn(inner.as_ref()),
                _ => None,
            },
            _ => None,
        }
    }

    fn find_dyn<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a FunctionError> {
        if let Some(found) = error.downcast_ref::<FunctionError>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<DataFusionError>() {
            return Self::find(inner);
        }
        match error.downcast_ref::<ArrowError>() {
            Some(ArrowError::ExternalError(inner)) => Self::find_dyn(inner.as_ref()),
            _ => None,
        }
    }
}

impl std::fmt::Display for FunctionError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for FunctionError {}

impl From<FunctionError> for DataFusionError {
    fn from(error: FunctionError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

impl From<ArrowError> for FunctionError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::DivideByZero => Self::division_by_zero(),
            ArrowError::ArithmeticOverflow(_) => Self::out_of_range("value"),
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<DataFusionError> for FunctionError {
    fn from(error: DataFusionError) -> Self {
        match Self::find(&error) {
            Some(found) => found.clone(),
            None => Self::internal(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_through_wrappings() {
        let error =
            DataFusionError::from(FunctionError::division_by_zero()).context("while").context("again");
        assert_eq!(
            FunctionError::find(&error).map(|found| found.kind),
            Some(FunctionErrorKind::DivisionByZero)
        );
        let arrow = DataFusionError::ArrowError(
            Box::new(ArrowError::ExternalError(Box::new(FunctionError::out_of_range("integer")))),
            None,
        );
        assert_eq!(
            FunctionError::find(&arrow).map(|found| found.message.as_str()),
            Some("integer out of range")
        );
        assert_eq!(FunctionError::find(&DataFusionError::Plan("x".to_owned())), None);
    }
}
