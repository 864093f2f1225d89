//! Statements and what they are read as, from `testdata/utility.txt`: a statement, `----`, its debug form or its error.

use sqlparser::{dialect::PostgreSqlDialect, tokenizer::Tokenizer};

use super::*;
use crate::statement::CopyRows;

/// What a statement is read as, on one line; queries in sqlparser's words for them.
fn read(text: &str) -> String {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().unwrap();
    match parse_utility(text, &tokens) {
        Ok(None) => "not a utility statement".to_owned(),
        Ok(Some(UtilityStatement::Declare { name, query, scroll, hold, binary })) => {
            format!("Declare {name} scroll {scroll:?} hold {hold} binary {binary}: {query}")
        }
        Ok(Some(UtilityStatement::CopyTo { rows, options })) => match rows {
            CopyRows::Table(_, query) | CopyRows::Query(query) => format!("CopyTo {query} {options:?}"),
            CopyRows::Modification(modification) => format!("CopyTo {} {options:?}", modification.name()),
        },
        Ok(Some(UtilityStatement::CreateView {
            name, or_replace, columns, security_invoker, text, ..
        })) => {
            format!("CreateView {name:?} {or_replace} {columns:?} {security_invoker:?}: {text}")
        }
        Ok(Some(UtilityStatement::CreateTableAs {
            kind,
            name,
            temporary,
            if_not_exists,
            columns,
            text,
            with_data,
            ..
        })) => {
            format!(
                "CreateTableAs {kind:?} {name:?} {temporary:?} {if_not_exists} {columns:?} {with_data}: {text}"
            )
        }
        Ok(Some(statement)) => format!("{statement:?}"),
        Err(error) => {
            let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{:?} at {:?}: {}{hint}", error.kind, error.position, error.message)
        }
    }
}

#[test]
fn statements_are_read_as_recorded() {
    let mut actual = String::new();
    let recorded = include_str!("../../testdata/utility.txt");
    for block in recorded.split("\n\n") {
        let (statement, _) = block.split_once("\n----\n").unwrap();
        actual.push_str(&format!("{statement}\n----\n{}\n\n", read(statement)));
    }
    let differing: Vec<_> = recorded
        .split("\n\n")
        .zip(actual.trim_end().split("\n\n"))
        .filter(|(a, b)| a.trim_end() != b.trim_end())
        .collect();
    assert!(differing.is_empty(), "recorded and read:\n{differing:#?}\nall:\n{actual}");
}
