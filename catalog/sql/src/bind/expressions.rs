//! Scalar expressions: each kind of syntax to a typed expression. What an operator or function means is decided in
//! `resolve.rs`, what a literal or cast means in `types.rs`; here are names, boolean logic and the special syntaxes.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use recursive::recursive;
use sqlparser::ast::{self, Spanned};

use super::{
    Binder,
    calls::positional,
    comparisons::{is_distinct, is_not_distinct},
    not_postgresql,
    place::Place,
    rows::float_literal,
    unsupported,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    names::identifier,
    output::operator_name,
    resolve,
    types::{self, CastContext, Derived, Typed},
};

/// What stands in `LIKE ALL (…)`, which sqlparser reads as a call.
fn all_of(pattern: &ast::Expr) -> Option<&ast::Expr> {
    let ast::Expr::Function(call) = pattern else { return None };
    let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
    let ast::FunctionArguments::List(list) = &call.args else { return None };
    match list.args.as_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(array))]
            if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all") =>
        {
            Some(array)
        }
        _ => None,
    }
}

/// Whether an operator is one of the comparisons, none of which may follow another without parentheses.
fn is_comparison(op: &ast::BinaryOperator) -> bool {
    use ast::BinaryOperator as B;
    matches!(op, B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq)
}

fn comparison_in(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::BinaryOp { op, .. } if is_comparison(op))
}

impl Binder<'_> {
    /// Binds an expression.
    #[recursive]
    pub(crate) fn expression(&self, expr: &ast::Expr, place: Place<'_>) -> Result<Typed, SqlError> {
        let bound = self.unplaced_expression(expr, place)?;
        if bound.position.is_some() {
            return Ok(bound);
        }
        Ok(bound.at(self.start_of(expr)))
    }

    fn unplaced_expression(&self, expr: &ast::Expr, place: Place<'_>) -> Result<Typed, SqlError> {
        use ast::Expr as E;
        let binding = &self.binding;
        match expr {
            E::Identifier(ident) => self.column_reference(std::slice::from_ref(ident), place),
            E::CompoundIdentifier(idents) => self.column_reference(idents, place),
            E::CompoundFieldAccess { root, access_chain } => self.field_access(root, access_chain, place),
            E::Value(value) => self.literal(value, place),
            E::Nested(inner) => self.expression(inner, place),
            E::BinaryOp { left, op, right } => self.binary(expr, left, op, right, place),
            E::UnaryOp { op, expr: operand } => self.unary(expr, *op, operand, place),
            E::IsNull(operand) => self.is_null(operand, false, place),
            E::IsNotNull(operand) => self.is_null(operand, true, place),
            E::IsTrue(operand) => self.truth(operand, "IS TRUE", |value| is_not_distinct(value, true), place),
            E::IsNotTrue(operand) => {
                self.truth(operand, "IS NOT TRUE", |value| is_distinct(value, true), place)
            }
            E::IsFalse(operand) => {
                self.truth(operand, "IS FALSE", |value| is_not_distinct(value, false), place)
            }
            E::IsNotFalse(operand) => {
                self.truth(operand, "IS NOT FALSE", |value| is_distinct(value, false), place)
            }
            E::IsUnknown(operand) => self.truth(operand, "IS UNKNOWN", Expr::is_null, place),
            E::IsNotUnknown(operand) => self.truth(operand, "IS NOT UNKNOWN", Expr::is_not_null, place),
            E::IsDistinctFrom(left, right) => self.distinct_from(left, right, false, place),
            E::IsNotDistinctFrom(left, right) => self.distinct_from(left, right, true, place),
            E::InList { expr: value, list, negated } => self.in_list(value, list, *negated, place),
            E::InSubquery { expr: value, subquery, negated } => {
                self.in_subquery(value, subquery, *negated, place)
            }
            E::Between { expr: value, negated, low, high } => {
                self.between(expr, value, low, high, *negated, place)
            }
            E::Like { negated, any: false, expr: value, pattern, escape_char: None }
                if all_of(pattern).is_some() =>
            {
                let name = if *negated { "!~~" } else { "~~" };
                self.quantified(value, name, all_of(pattern).unwrap_or(pattern), true, place)
            }
            E::ILike { negated, any: false, expr: value, pattern, escape_char: None }
                if all_of(pattern).is_some() =>
            {
                let name = if *negated { "!~~*" } else { "~~*" };
                self.quantified(value, name, all_of(pattern).unwrap_or(pattern), true, place)
            }
            E::Like { negated, any: false, expr: value, pattern, escape_char } => {
                let name = if *negated { "!~~" } else { "~~" };
                self.like(value, name, pattern, escape_char.as_ref(), place)
            }
            E::ILike { negated, any: false, expr: value, pattern, escape_char } => {
                let name = if *negated { "!~~*" } else { "~~*" };
                self.like(value, name, pattern, escape_char.as_ref(), place)
            }
            E::Like { negated, any: true, expr: value, pattern, escape_char: None } => {
                let name = if *negated { "!~~" } else { "~~" };
                self.quantified(value, name, pattern, false, place)
            }
            E::ILike { negated, any: true, expr: value, pattern, escape_char: None } => {
                let name = if *negated { "!~~*" } else { "~~*" };
                self.quantified(value, name, pattern, false, place)
            }
            E::SimilarTo { negated, expr: value, pattern, escape_char } => {
                let mut arguments = vec![self.expression(pattern, place)?];
                if let Some(escape) = escape_char {
                    arguments.push(self.literal(escape, place)?);
                }
                let pattern = self.named_call("similar_to_escape", arguments, None)?;
                let value = self.expression(value, place)?;
                let name = if *negated { "!~" } else { "~" };
                resolve::operator(binding, None, name, Some(value), pattern, None)
            }
            E::AnyOp { left, compare_op, right, .. } => {
                self.quantified(left, &self.comparison_name(expr, compare_op)?, right, false, place)
            }
            E::AllOp { left, compare_op, right } => {
                self.quantified(left, &self.comparison_name(expr, compare_op)?, right, true, place)
            }
            E::Cast { kind, expr: operand, data_type, format, .. } => {
                if !matches!(kind, ast::CastKind::Cast | ast::CastKind::DoubleColon) || format.is_some() {
                    return Err(not_postgresql("cast", self.start_of(operand)));
                }
                self.cast(operand, data_type, place)
            }
            E::TypedString(typed) => {
                let mut target = types::type_by_name(&typed.data_type, self.position(typed.value.span))?;
                // `char 'abc'` has no length, though `'abc'::char` has.
                if matches!(typed.data_type, ast::DataType::Char(None) | ast::DataType::Character(None)) {
                    target = ColumnType::plain(PgType::Bpchar);
                }
                let literal = self.literal(&typed.value, place)?;
                types::coerce(
                    binding,
                    literal,
                    target,
                    CastContext::Explicit,
                    self.position(typed.value.span),
                )
            }
            E::Interval(interval) => self.interval(interval, place),
            E::AtTimeZone { timestamp, time_zone } => {
                let arguments = vec![self.expression(time_zone, place)?, self.expression(timestamp, place)?];
                self.named_call("timezone", arguments, self.start_of(expr))
            }
            E::Extract { field, expr: operand, .. } => {
                let name = match field {
                    ast::DateTimeField::Custom(ident) => ident.value.clone(),
                    field => field.to_string(),
                };
                let field = types::string_literal(&name.to_lowercase(), None);
                let operand = self.expression(operand, place)?;
                self.named_call("extract", vec![field, operand], self.start_of(expr))
            }
            E::Ceil { expr: operand, field } | E::Floor { expr: operand, field } => {
                if !matches!(field, ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime)) {
                    return Err(unsupported("this form of ceil and floor", self.start_of(operand)));
                }
                let name = if matches!(expr, E::Ceil { .. }) { "ceil" } else { "floor" };
                self.named_call(name, vec![self.expression(operand, place)?], self.start_of(expr))
            }
            E::Position { expr: sought, r#in } => {
                let arguments = vec![self.expression(r#in, place)?, self.expression(sought, place)?];
                self.named_call("position", arguments, self.start_of(expr))
            }
            E::Substring { expr: operand, substring_from, substring_for, shorthand, .. } => {
                let mut arguments = vec![self.expression(operand, place)?];
                match (substring_from, substring_for) {
                    (Some(from), length) => {
                        arguments.push(self.expression(from, place)?);
                        if let Some(length) = length {
                            arguments.push(self.expression(length, place)?);
                        }
                    }
                    (None, Some(length)) => {
                        arguments.push(types::number_literal("1", None)?);
                        arguments.push(self.expression(length, place)?);
                    }
                    (None, None) => {}
                }
                let name = if *shorthand { "substr" } else { "substring" };
                self.named_call(name, arguments, self.start_of(expr))
            }
            E::Trim { trim_where, trim_what, expr: operand, trim_characters } => {
                let name = match trim_where {
                    None | Some(ast::TrimWhereField::Both) => "btrim",
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                };
                let mut arguments = vec![self.expression(operand, place)?];
                if let Some(what) = trim_what {
                    arguments.push(self.expression(what, place)?);
                }
                for characters in trim_characters.iter().flatten() {
                    arguments.push(self.expression(characters, place)?);
                }
                self.named_call(name, arguments, self.start_of(expr))
            }
            E::IsNormalized { expr: operand, form, negated } => {
                let mut arguments = vec![self.expression(operand, place)?];
                if let Some(form) = form {
                    arguments.push(types::string_literal(&form.to_string().to_lowercase(), None));
                }
                let test = self.named_call("is_normalized", arguments, self.start_of(expr))?;
                if !negated {
                    return Ok(test);
                }
                Ok(Typed::canonical(Expr::Not(Box::new(test.expr)), ColumnType::plain(PgType::Bool)))
            }
            E::Overlay { expr: operand, overlay_what, overlay_from, overlay_for } => {
                let mut arguments = vec![
                    self.expression(operand, place)?,
                    self.expression(overlay_what, place)?,
                    self.expression(overlay_from, place)?,
                ];
                if let Some(length) = overlay_for {
                    arguments.push(self.expression(length, place)?);
                }
                self.named_call("overlay", arguments, self.start_of(expr))
            }
            E::Collate { expr: operand, collation } => {
                let position = self.position_after(operand.span(), "collate");
                let operand = self.expression(operand, place)?;
                let collation = self.collation(collation).map_err(|mut error| {
                    error.position = position.or(error.position);
                    error
                })?;
                let operand = types::settle_unknown(binding, operand)?;
                if !types::collation::is_collatable(operand.pg_type()) {
                    let message = format!(
                        "collations are not supported by type {}",
                        types::type_name(operand.pg_type())
                    );
                    return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message).at(position));
                }
                Ok(Typed { collation: Derived::Explicit(collation), origin: None, ..operand })
            }
            E::Function(function) => {
                let sets = place.calls.map_or(0, |calls| calls.sets.borrow().len());
                let done = self.call(function, place)?;
                let name = function.name.0.as_slice();
                if let [ast::ObjectNamePart::Identifier(name)] = name
                    && name.value.eq_ignore_ascii_case("coalesce")
                {
                    refuse_sets(place, sets, "COALESCE")?;
                }
                Ok(done)
            }
            E::Case { operand, conditions, else_result, case_token, .. } => {
                let position = self.position(case_token.0.span);
                let sets = place.calls.map_or(0, |calls| calls.sets.borrow().len());
                let case =
                    self.case(operand.as_deref(), conditions, else_result.as_deref(), position, place)?;
                refuse_sets(place, sets, "CASE")?;
                Ok(case)
            }
            E::Exists { subquery, negated } => self.exists(subquery, *negated, place),
            E::Subquery(query) => self.scalar_subquery(query, place),
            E::Array(array) if array.elem.is_empty() => {
                let message = "cannot determine type of empty array";
                Err(SqlError::new(SqlErrorKind::IndeterminateDatatype, message)
                    .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                    .at(self.start_of(expr)))
            }
            E::Array(array) => {
                let elements = array
                    .elem
                    .iter()
                    .map(|element| self.expression(element, place))
                    .collect::<Result<_, _>>()?;
                resolve::array(binding, elements, self.start_of(expr))
            }
            E::Tuple(fields) => self.row_value(fields, place),
            E::QualifiedWildcard(name, _) => self.whole_row_of(name, place),
            E::Wildcard(token) => Err(not_postgresql("*", self.position(token.0.span))),
            other => Err(unsupported(&format!("the expression {other}"), self.start_of(other))),
        }
    }

    /// Binds an expression that must be boolean.
    pub(crate) fn boolean(&self, expr: &ast::Expr, what: &str, place: Place<'_>) -> Result<Expr, SqlError> {
        let typed = self.expression(expr, place)?;
        Ok(types::coerce_to_boolean(&self.binding, typed, what)?.expr)
    }

    /// Where an expression begins: its leftmost part that knows.
    pub(crate) fn start_of(&self, expr: &ast::Expr) -> Option<usize> {
        use ast::Expr as E;
        let mut leftmost = expr;
        loop {
            leftmost = match leftmost {
                E::BinaryOp { left, .. } | E::AnyOp { left, .. } | E::AllOp { left, .. } => left,
                E::IsNull(inner)
                | E::IsNotNull(inner)
                | E::IsTrue(inner)
                | E::IsNotTrue(inner)
                | E::IsFalse(inner)
                | E::IsNotFalse(inner)
                | E::Nested(inner) => inner,
                E::Between { expr, .. }
                | E::InList { expr, .. }
                | E::InSubquery { expr, .. }
                | E::Like { expr, .. }
                | E::ILike { expr, .. }
                | E::Cast { expr, .. }
                | E::Collate { expr, .. } => expr,
                E::UnaryOp { op, expr } => {
                    let sign = op.to_string().trim().to_ascii_lowercase();
                    return self.find_backwards(self.start_of(expr)?, &sign);
                }
                E::Tuple(fields) => {
                    // With ROW before the parenthesis, if it is there.
                    let opening = self.find_backwards(self.start_of(fields.first()?)?, "(")?;
                    let row = self.find_backwards(opening, "row");
                    return row.filter(|row| row + 3 == opening).or(Some(opening));
                }
                E::CompoundFieldAccess { root, .. } => root,
                E::Identifier(ident) => return self.position(ident.span),
                E::CompoundIdentifier(idents) => {
                    return idents.first().and_then(|ident| self.position(ident.span));
                }
                E::Value(value) => return self.position(value.span),
                E::Function(function) => {
                    let first = function.name.0.first().and_then(ast::ObjectNamePart::as_ident)?;
                    return self.position(first.span);
                }
                other => return self.position(other.span()),
            };
        }
    }

    fn column_reference(&self, idents: &[ast::Ident], place: Place<'_>) -> Result<Typed, SqlError> {
        let position = idents.first().and_then(|ident| self.position(ident.span));
        if let Some(value) = self.value_word(idents, position) {
            return value;
        }
        let names: Vec<Identifier> = idents.iter().map(identifier).collect();
        let found = match names.as_slice() {
            [column] => match place.scope.column(column, position) {
                Err(error) => {
                    if idents.first().is_some_and(|ident| {
                        ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default")
                    }) {
                        let message = "DEFAULT is not allowed in this context";
                        return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
                    }
                    if error.kind != SqlErrorKind::UndefinedColumn {
                        return Err(error);
                    }
                    return match self.whole_row(None, column, position, place)? {
                        Some(row) => Ok(row),
                        None => Err(error),
                    };
                }
                Ok(found) => found,
            },
            [table, column] => place
                .scope
                .qualified_column(None, table, column, position)
                .map_err(|error| self.with_hidden_entry(error, None, table))?,
            [schema, table, column] => place.scope.qualified_column(Some(schema), table, column, position)?,
            [database, schema, table, column] if database.as_str() == self.binding.context.database => {
                place.scope.qualified_column(Some(schema), table, column, position)?
            }
            _ => {
                let written: Vec<&str> = names.iter().map(Identifier::as_str).collect();
                let message = format!("cross-database references are not implemented: {}", written.join("."));
                return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
            }
        };
        self.note_reference(&found, position, place);
        Ok(self.refers(found))
    }

    /// Words that sqlparser takes for columns, but that are values in PostgreSQL.
    fn value_word(&self, idents: &[ast::Ident], position: Option<usize>) -> Option<Result<Typed, SqlError>> {
        let [ident] = idents else { return None };
        if ident.quote_style.is_some() {
            return None;
        }
        let word = ident.value.to_ascii_lowercase();
        matches!(
            word.as_str(),
            "current_user"
                | "session_user"
                | "user"
                | "current_role"
                | "current_catalog"
                | "current_schema"
                | "current_date"
                | "current_time"
                | "current_timestamp"
                | "localtime"
                | "localtimestamp"
        )
        .then(|| self.named_call(&word, Vec::new(), position))
    }

    pub(crate) fn literal(&self, value: &ast::ValueWithSpan, _place: Place<'_>) -> Result<Typed, SqlError> {
        use ast::Value as V;
        let position = self.position(value.span);
        match &value.value {
            V::Number(text, false) => types::number_literal(&text.to_string(), position),
            V::SingleQuotedString(text)
            | V::EscapedStringLiteral(text)
            | V::UnicodeStringLiteral(text)
            | V::NationalStringLiteral(text) => Ok(types::string_literal(text, position)),
            V::DollarQuotedString(text) => Ok(types::string_literal(&text.value, position)),
            V::Boolean(value) => Ok(types::boolean_literal(*value, position)),
            V::Null => Ok(types::null_literal(position)),
            V::Placeholder(name) => {
                let number = name.strip_prefix('$').and_then(|number| number.parse().ok());
                match number {
                    Some(number) if (1..=PARAMETERS_MAX).contains(&number) => {
                        types::parameter(&self.binding, number, position)
                    }
                    _ => Err(SqlError::new(
                        SqlErrorKind::UndefinedParameter,
                        format!("there is no parameter {name}"),
                    )
                    .at(position)),
                }
            }
            _ => Err(unsupported("this kind of literal", position)),
        }
    }

    fn binary(
        &self,
        whole: &ast::Expr,
        left: &ast::Expr,
        op: &ast::BinaryOperator,
        right: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        match op {
            ast::BinaryOperator::And => return self.connected(whole, op, Operator::And, "AND", place),
            ast::BinaryOperator::Or => return self.connected(whole, op, Operator::Or, "OR", place),
            ast::BinaryOperator::Overlaps => {
                let (Some(lefts), Some(rights)) = (row(left), row(right)) else {
                    return Err(not_postgresql("overlaps", self.start_of(whole)));
                };
                let arguments = lefts
                    .iter()
                    .chain(rights)
                    .map(|field| self.expression(field, place))
                    .collect::<Result<_, _>>()?;
                return self.named_call("overlaps", arguments, self.start_of(whole));
            }
            _ => {}
        }
        if is_comparison(op) && comparison_in(left) {
            let text = op.to_string();
            return Err(not_postgresql(&text, self.position_after(left.span(), &text)));
        }
        let (schema, name) = operator_name(op).ok_or_else(|| {
            unsupported(&format!("the operator {op}"), self.position_after(left.span(), &op.to_string()))
        })?;
        if let Some(schema) = &schema {
            let schema = Identifier::exact(schema);
            if schema.as_str() != "pg_catalog" && !self.binding.catalog.has_schema(&schema) {
                let message = format!("schema \"{}\" does not exist", schema.as_str());
                let position = self.position_after(left.span(), "operator");
                return Err(SqlError::new(SqlErrorKind::InvalidSchemaName, message).at(position));
            }
        }
        match (row(left), row(right)) {
            (Some(lefts), Some(rights)) => {
                return self.row_comparison(&name, lefts, rights, self.start_of(whole), place);
            }
            (Some(lefts), None) => {
                if let Some(query) = subquery(right) {
                    let position = self.position_after(left.span(), &name);
                    return self.row_with_subquery(&name, lefts, query, position, place);
                }
            }
            _ => {}
        }
        let bound_left = self.expression(left, place)?;
        let bound_right = self.expression(right, place)?;
        resolve::operator(&self.binding, schema.as_deref(), &name, Some(bound_left), bound_right, None)
            .map_err(|error| self.operator_error(error, left, &name))
    }

    /// The place of an operator is looked for only when there is something to say about it.
    pub(super) fn operator_error(&self, error: SqlError, left: &ast::Expr, name: &str) -> SqlError {
        if error.position.is_some() {
            return error;
        }
        let position = self.position_after(left.span(), name).or_else(|| self.start_of(left));
        error.at(position)
    }

    /// AND and OR, however many: without recursion over the chain, and as a balanced tree.
    fn connected(
        &self,
        whole: &ast::Expr,
        op: &ast::BinaryOperator,
        operator: Operator,
        what: &str,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let mut operands = Vec::new();
        for operand in chain(whole, op) {
            operands.push(self.boolean(operand, what, place)?);
        }
        let boolean = ColumnType::plain(PgType::Bool);
        Ok(Typed::canonical(balanced(operands, operator), boolean).at(self.start_of(whole)))
    }

    fn unary(
        &self,
        whole: &ast::Expr,
        op: ast::UnaryOperator,
        operand: &ast::Expr,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        use ast::UnaryOperator as U;
        let position = self.start_of(whole);
        let name = match op {
            U::Not => {
                let operand = self.boolean(operand, "NOT", place)?;
                let boolean = ColumnType::plain(PgType::Bool);
                return Ok(Typed::canonical(Expr::Not(Box::new(operand)), boolean));
            }
            U::Minus => {
                // A negative literal is one constant: the smallest integers have no positive counterpart.
                if let ast::Expr::Value(value) = operand
                    && let ast::Value::Number(text, false) = &value.value
                {
                    return types::number_literal(&format!("-{text}"), self.position(value.span));
                }
                "-"
            }
            U::Plus => "+",
            U::BitwiseNot => "~",
            U::PGAbs => "@",
            U::PGSquareRoot => "|/",
            U::PGCubeRoot => "||/",
            // An operator of text search, and with other operands of nobody.
            U::PGPrefixFactorial => "!!",
            _ => return Err(unsupported(&format!("the operator {op}"), position)),
        };
        let operand = self.expression(operand, place)?;
        resolve::operator(&self.binding, None, name, None, operand, position)
    }

    fn comparison_name(&self, whole: &ast::Expr, op: &ast::BinaryOperator) -> Result<String, SqlError> {
        operator_name(op)
            .map(|(_, name)| name)
            .ok_or_else(|| unsupported(&format!("the operator {op}"), self.start_of(whole)))
    }

    fn cast(
        &self,
        operand: &ast::Expr,
        data_type: &ast::DataType,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let mut bound = match (operand, float_literal(operand, data_type)) {
            // More digits than `numeric` holds are no matter here.
            (_, Some(text)) => types::string_literal(&text, self.start_of(operand)),
            // `ARRAY[]::integer[]` is `'{}'::integer[]`.
            (ast::Expr::Array(array), None) if is_empty(array) => {
                types::string_literal("{}", self.start_of(operand))
            }
            (_, None) => self.expression(operand, place)?,
        };
        // A literal that cannot be read is what is wrong; otherwise it is the cast.
        let own_position = bound.position;
        if !bound.is_unknown() {
            bound.position = None;
        }
        let position = || self.cast_position(operand).or_else(|| self.start_of(operand));
        let target = types::type_by_name(data_type, None).map_err(|mut error| {
            error.position = error.position.or_else(|| {
                let written = data_type.to_string();
                let first = written.split(['(', '[', ' ']).next().unwrap_or_default().to_owned();
                self.position_after(operand.span(), &first)
            });
            error
        })?;
        let coerced = types::coerce(&self.binding, bound, target, CastContext::Explicit, None);
        coerced.map(|typed| typed.at(own_position)).map_err(|mut error| {
            error.position = error.position.or_else(position);
            error
        })
    }

    /// Where the `::` after an operand stands; types have no place of their own in the syntax tree.
    fn cast_position(&self, operand: &ast::Expr) -> Option<usize> {
        let from = match operand {
            ast::Expr::Cast { expr, .. } => self.cast_position(expr)? + 1,
            other => self.positions_end(other)?,
        };
        self.find_from(from, "::")
    }

    /// `INTERVAL '1' DAY` is `interval '1 day'`; the fields matter only for a plain number.
    fn case(
        &self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let operand = operand.map(|operand| self.expression(operand, place)).transpose()?;
        let operand = operand.map(|operand| types::settle_unknown(&self.binding, operand)).transpose()?;
        let mut branches = Vec::new();
        for when in conditions {
            let condition = self.expression(&when.condition, place)?;
            let condition = match &operand {
                Some(operand) => {
                    let position = condition.position;
                    let left = Some(operand.clone());
                    resolve::operator(&self.binding, None, "=", left, condition, position)?
                }
                None => condition,
            };
            branches.push((condition, self.expression(&when.result, place)?));
        }
        let otherwise = otherwise.map(|otherwise| self.expression(otherwise, place)).transpose()?;
        let case = resolve::case(&self.binding, branches, otherwise, position)?;
        if operand.is_none() {
            return Ok(case);
        }
        let expr = resolve::conditional::simple_case(case.expr).map_err(|error| error.at(position))?;
        Ok(Typed { expr, ..case })
    }

    /// A call of a function by its plain name: the special syntaxes.
    pub(crate) fn named_call(
        &self,
        name: &str,
        arguments: Vec<Typed>,
        position: Option<usize>,
    ) -> Result<Typed, SqlError> {
        let arguments = arguments.into_iter().map(positional).collect();
        let call = resolve::FunctionCall {
            schema: None,
            name: name.to_owned(),
            arguments,
            star: false,
            distinct: false,
            variadic: false,
            within_group: Vec::new(),
            over: false,
            position,
        };
        match resolve::function(&self.binding, call)? {
            resolve::ResolvedFunction::Scalar(typed) => Ok(typed),
            _ => Err(unsupported(&format!("{name} here"), position)),
        }
    }
}

/// Refuses sets that were met since there were `before` of them.
fn refuse_sets(place: Place<'_>, before: usize, clause: &str) -> Result<(), SqlError> {
    let Some(calls) = place.calls else { return Ok(()) };
    match calls.sets.borrow().get(before) {
        None => Ok(()),
        Some(set) => {
            let message = format!("set-returning functions are not allowed in {clause}");
            Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message)
                .with_hint(super::calls::LATERAL_HINT)
                .at(set.position))
        }
    }
}

/// The most parameters that a statement can have: the protocol counts them in 16 bits.
const PARAMETERS_MAX: usize = 65535;

/// The fields of a row constructor.
pub(crate) fn row(expr: &ast::Expr) -> Option<&[ast::Expr]> {
    match expr {
        ast::Expr::Tuple(fields) => Some(fields),
        ast::Expr::Nested(inner) => row(inner),
        _ => None,
    }
}

/// The query of a subquery, in however many parentheses.
fn subquery(expr: &ast::Expr) -> Option<&ast::Query> {
    match expr {
        ast::Expr::Subquery(query) => Some(query),
        ast::Expr::Nested(inner) => subquery(inner),
        _ => None,
    }
}

/// The operands of `a op b op c …`, from left to right.
pub(crate) fn chain<'e>(expr: &'e ast::Expr, op: &ast::BinaryOperator) -> Vec<&'e ast::Expr> {
    let mut operands = Vec::new();
    let mut pending = vec![expr];
    while let Some(next) = pending.pop() {
        match next {
            ast::Expr::BinaryOp { left, op: found, right } if found == op => {
                pending.push(right);
                pending.push(left);
            }
            ast::Expr::Nested(inner) if matches!(inner.as_ref(), ast::Expr::BinaryOp { op: found, .. } if found == op) =>
            {
                pending.push(inner);
            }
            other => operands.push(other),
        }
    }
    operands
}

/// Connects boolean expressions by a tree of small depth. Of none: `true`.
pub(crate) fn balanced(mut exprs: Vec<Expr>, operator: Operator) -> Expr {
    while exprs.len() > 1 {
        let mut halved = Vec::with_capacity(exprs.len().div_ceil(2));
        let mut rest = exprs.into_iter();
        while let Some(left) = rest.next() {
            halved.push(match rest.next() {
                Some(right) => Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))),
                None => left,
            });
        }
        exprs = halved;
    }
    exprs.pop().unwrap_or_else(|| lit(true))
}

/// `ARRAY[]`, `ARRAY[[], []]`
fn is_empty(array: &ast::Array) -> bool {
    array.elem.iter().all(|element| matches!(element, ast::Expr::Array(inner) if is_empty(inner)))
}
