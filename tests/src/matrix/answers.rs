//! What a server answers. Many statements go out in one write, each with its own Sync, so that an error is one
//! statement's own; each is executed twice, for text and for binary.

use anyhow::{Result, bail};
use bytes::{Bytes, BytesMut};
use postgres_protocol::{IsNull, message::frontend};

use crate::raw::{RawConnection, Response, responses};

/// How many statements go out before their answers are read: few enough for the answers to fit the sockets' buffers.
const STATEMENTS_PER_WRITE: usize = 16;

/// What came back for one statement, or for one column of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Rows: per row and column the text, and the binary form where there was one.
    Rows {
        /// The columns' types.
        types: Vec<u32>,
        /// The texts.
        text: Vec<Vec<Option<Bytes>>>,
        /// The binary forms.
        binary: Vec<Vec<Option<Bytes>>>,
    },
    /// An error: SQLSTATE and message. `binary` says that only the binary execution failed.
    Error {
        /// The SQLSTATE.
        sqlstate: String,
        /// The message.
        message: String,
    },
}

impl Answer {
    /// The SQLSTATE of an error.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Answer::Error { sqlstate, .. } => Some(sqlstate),
            Answer::Rows { .. } => None,
        }
    }

    /// With the rows in an order of their own.
    #[must_use]
    pub fn sorted(self) -> Answer {
        match self {
            Answer::Rows { types, mut text, mut binary } => {
                text.sort();
                binary.sort();
                Answer::Rows { types, text, binary }
            }
            error @ Answer::Error { .. } => error,
        }
    }

    /// The answer of one cell.
    pub fn cell(&self, row: usize, column: usize) -> Answer {
        match self {
            Answer::Error { .. } => self.clone(),
            Answer::Rows { types, text, binary } => {
                let pick = |rows: &[Vec<Option<Bytes>>]| {
                    vec![vec![rows.get(row).and_then(|values| values.get(column)).cloned().flatten()]]
                };
                Answer::Rows {
                    types: types.get(column).copied().into_iter().collect(),
                    text: pick(text),
                    binary: pick(binary),
                }
            }
        }
    }

    /// For a person, and for the published list: short.
    pub fn show(&self) -> String {
        let shown = match self {
            Answer::Error { sqlstate, .. } => format!("error {sqlstate}"),
            Answer::Rows { types, text, .. } => {
                let rows: Vec<String> = text
                    .iter()
                    .map(|row| {
                        let values: Vec<String> = row
                            .iter()
                            .map(|value| match value {
                                None => "NULL".to_owned(),
                                Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                            })
                            .collect();
                        values.join(", ")
                    })
                    .collect();
                let types: Vec<String> = types.iter().map(u32::to_string).collect();
                format!("{} : {}", rows.join(" | "), types.join(", "))
            }
        };
        let mut short: String = shown.chars().take(90).collect();
        if short.len() < shown.len() {
            short.push('…');
        }
        short.replace(['\n', '\t'], " ")
    }
}

/// Runs the statements.
pub fn ask(connection: &mut RawConnection, statements: &[String]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(statements.len());
    for chunk in statements.chunks(STATEMENTS_PER_WRITE) {
        let mut out = BytesMut::new();
        for statement in chunk {
            frontend::parse("", statement, [], &mut out)?;
            frontend::describe(b'S', "", &mut out)?;
            for format in [0_i16, 1] {
                let none: [Option<&str>; 0] = [];
                let bound = frontend::bind(
                    "",
                    "",
                    [0],
                    none,
                    |_: Option<&str>, _| Ok(IsNull::Yes),
                    [format],
                    &mut out,
                );
                if bound.is_err() {
                    bail!("cannot write Bind");
                }
                frontend::execute("", 0, &mut out)?;
            }
            frontend::sync(&mut out);
        }
        connection.send(&out)?;
        for _ in chunk {
            answers.push(answer(responses(connection.until_ready()?)));
        }
    }
    Ok(answers)
}

fn answer(responses: Vec<Response>) -> Answer {
    if let Some(error) = responses.iter().find_map(|response| response.error.as_ref()) {
        return Answer::Error { sqlstate: error.sqlstate().to_owned(), message: error.message().to_owned() };
    }
    let mut responses = responses.into_iter();
    let first = responses.next().unwrap_or_default();
    // The columns are described once.
    let second = Response { columns: first.columns.clone(), ..responses.next().unwrap_or_default() };
    Answer::Rows {
        types: first.columns.unwrap_or_default().iter().map(|column| column.type_oid).collect(),
        text: first.rows,
        binary: second.with_one_nan().rows,
    }
}
