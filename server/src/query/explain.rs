//! EXPLAIN: the bound plan, before rights and policies are put into it: a line for each node, or the tree as one value.
//! It tells nothing about files, estimates or other people's rows.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use lis_lake::types::{ColumnType, PgType};
use lis_sql::statement::{ExplainFormat, Explained, ParsedStatement, Statement};
use serde_json::{Map, Value, json};

use super::{
    Outcome, RowsTag, authorise,
    cursor::{Cursor, text_column},
    modify, request_with,
    utility::prepared_call,
};
use crate::{
    error::{Result, ServerError},
    session::Session,
};

/// The column of the answer.
pub(crate) fn output(format: ExplainFormat) -> lis_sql::output::OutputColumn {
    let column_type = match format {
        ExplainFormat::Text | ExplainFormat::Yaml => ColumnType::plain(PgType::Text),
        ExplainFormat::Json => ColumnType::plain(PgType::Json),
    };
    lis_sql::output::OutputColumn { column_type, ..text_column("QUERY PLAN") }
}

/// Runs EXPLAIN.
pub(super) async fn run(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    types: &[PgType],
    values: Vec<ScalarValue>,
) -> Result<Outcome> {
    let Statement::Explain { explained, analyze, format } = &parsed.statement else {
        return Ok(Outcome::Empty);
    };
    if *analyze {
        return Err(ServerError::not_supported("EXPLAIN ANALYZE is not supported")
            .with_hint("EXPLAIN shows the plan of the statement."));
    }
    let plan = match explained {
        Explained::Execute { name, arguments } => {
            let (prepared, types, values) = prepared_call(session, name, arguments).await?;
            match prepared {
                Some(prepared) => plan_of(session, &prepared, &types, values).await?,
                None => None,
            }
        }
        _ => plan_of(session, parsed, types, values).await?,
    };
    let plan = plan.unwrap_or_else(|| "Utility statements have no plan structure".to_owned());
    let lines = match format {
        ExplainFormat::Text => plan.lines().map(str::to_owned).collect(),
        ExplainFormat::Json => vec![as_json(&plan)],
        ExplainFormat::Yaml => vec![as_yaml(&plan)],
    };
    let rows = lines.into_iter().map(|line| vec![Some(line)]).collect();
    let cursor = Cursor::of_values(vec![output(*format)], rows)?;
    Ok(Outcome::Rows(Box::new(cursor), RowsTag::Fixed("EXPLAIN")))
}

/// The plan of a statement; `None`: it has none.
async fn plan_of(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    types: &[PgType],
    values: Vec<ScalarValue>,
) -> Result<Option<String>> {
    let modification = match &parsed.statement {
        Statement::Query(_) | Statement::Explain { explained: Explained::Query(_), .. } => None,
        Statement::Modify(modification)
        | Statement::Explain { explained: Explained::Modification(modification), .. } => Some(modification),
        Statement::Explain { .. } | Statement::Utility(_) | Statement::Empty => return Ok(None),
    };
    let request = request_with(session, types, values).await?;
    let plan = match modification {
        None => authorise(&session.server, &request, parsed).await?.0.explain(),
        Some(modification) => {
            modify::authorise(&session.server, &request, modification, &parsed.text).await?.0.explain()?
        }
    };
    Ok(Some(plan))
}

/// A node of a plan: what its line says, and the nodes below.
struct Node<'p> {
    line: &'p str,
    below: Vec<Node<'p>>,
}

/// The nodes that begin at this depth, from lines that are indented by it.
fn nodes<'p>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'p str>>, depth: usize) -> Vec<Node<'p>> {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    while let Some(line) = lines.next_if(|line| indentation(line) >= depth) {
        let inner = indentation(line) + 1;
        found.push(Node { line: line.trim(), below: nodes(lines, inner) });
    }
    found
}

impl Node<'_> {
    fn parts(&self) -> (&str, Option<&str>) {
        match self.line.split_once(": ") {
            Some((name, details)) => (name, Some(details)),
            None => (self.line.trim_end_matches(':'), None),
        }
    }

    fn json(&self) -> Value {
        let (name, details) = self.parts();
        let mut node = Map::new();
        node.insert("Node Type".to_owned(), json!(name));
        if let Some(details) = details {
            node.insert("Details".to_owned(), json!(details));
        }
        if !self.below.is_empty() {
            node.insert("Plans".to_owned(), self.below.iter().map(Node::json).collect());
        }
        Value::Object(node)
    }

    fn yaml(&self, out: &mut String, first: &str, others: &str) {
        let (name, details) = self.parts();
        out.push_str(&format!("\n{first}Node Type: {}", json!(name)));
        if let Some(details) = details {
            out.push_str(&format!("\n{others}Details: {}", json!(details)));
        }
        if !self.below.is_empty() {
            out.push_str(&format!("\n{others}Plans:"));
            for node in &self.below {
                node.yaml(out, &format!("{others}  - "), &format!("{others}    "));
            }
        }
    }
}

fn as_json(plan: &str) -> String {
    let plans = nodes(&mut plan.lines().peekable(), 0);
    let plans: Vec<Value> = plans.iter().map(|node| json!({ "Plan": node.json() })).collect();
    format!("{:#}", Value::Array(plans))
}

fn as_yaml(plan: &str) -> String {
    let mut out = String::new();
    for node in nodes(&mut plan.lines().peekable(), 0) {
        out.push_str("\n- Plan: ");
        node.yaml(&mut out, "    ", "    ");
    }
    out.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "Projection: a AS \"b\"\n  Filter: a > 1\n    TableScan: t\n  Shared\nUpdate on t";

    #[test]
    fn a_plan_as_one_value() {
        let json: Value = serde_json::from_str(&as_json(PLAN)).unwrap();
        assert_eq!(json[0]["Plan"]["Plans"][0]["Plans"][0]["Details"], "t");
        assert_eq!(json[0]["Plan"]["Plans"][1]["Node Type"], "Shared");
        assert_eq!(json[1]["Plan"]["Node Type"], "Update on t");
        let yaml = as_yaml("Projection: a\n  Shared");
        let expected = "- Plan: \n    Node Type: \"Projection\"\n    Details: \"a\"\n    Plans:\n      - Node Type: \"Shared\"";
        assert_eq!(yaml, expected);
    }
}
