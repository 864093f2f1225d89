//! How output columns are described to a client, and the formats it asks for.

use lis_lake::types::PgType;
use lis_sql::output::OutputColumn;
use pgwire::messages::{
    PgWireBackendMessage,
    data::{FieldDescription, RowDescription},
};

use crate::error::{Condition, Result, ServerError};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// As `psql` shows it.
    #[default]
    Text,
    /// As PostgreSQL's send functions write it.
    Binary,
}

impl Format {
    /// From a format code of the protocol.
    pub(crate) fn from_code(code: i16) -> Result<Self> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            other => Err(ServerError::new(
                Condition::InvalidParameterValue,
                format!("unsupported format code: {other}"),
            )),
        }
    }

    /// The format code.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }

    /// Formats for `count` values from the codes of Bind: none is text, one is for all, else one each.
    pub(crate) fn for_each(codes: &[i16], count: usize, what: &str) -> Result<Vec<Self>> {
        match codes {
            [] => Ok(vec![Self::Text; count]),
            [one] => Ok(vec![Self::from_code(*one)?; count]),
            several if several.len() == count => several.iter().map(|code| Self::from_code(*code)).collect(),
            several => Err(ServerError::new(
                Condition::ProtocolViolation,
                format!("bind message has {} {what} formats but {count} {what}s", several.len()),
            )),
        }
    }
}

/// The type that a client is told: a literal that nothing gave a type goes out as text, as in PostgreSQL.
pub(crate) fn client_type(pg_type: PgType) -> PgType {
    match pg_type {
        PgType::Unknown => PgType::Text,
        other => other,
    }
}

/// RowDescription: names, types, typmods, and the table column that each is.
pub(crate) fn row_description(outputs: &[OutputColumn], formats: &[Format]) -> PgWireBackendMessage {
    let fields = outputs
        .iter()
        .zip(formats.iter().copied().chain(std::iter::repeat(Format::Text)))
        .map(|(output, format)| {
            let pg_type = client_type(output.column_type.pg_type);
            let facts = pg_type.facts();
            let (table, number) =
                output.origin.map_or((0, 0), |origin| (origin.relation.get().cast_signed(), origin.column));
            FieldDescription::new(
                output.name.clone(),
                table,
                number,
                facts.oid.get(),
                facts.length,
                output.column_type.typmod,
                format.code(),
            )
        })
        .collect();
    PgWireBackendMessage::RowDescription(RowDescription::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_none_one_or_all() {
        assert_eq!(Format::for_each(&[], 2, "result column").unwrap(), [Format::Text; 2]);
        assert_eq!(Format::for_each(&[1], 2, "result column").unwrap(), [Format::Binary; 2]);
        assert_eq!(Format::for_each(&[0, 1], 2, "result column").unwrap(), [Format::Text, Format::Binary]);
        assert!(Format::for_each(&[0, 1, 0], 2, "result column").is_err());
        assert!(Format::for_each(&[7], 1, "result column").is_err());
    }
}
