//! Resolution over literals, with an empty catalogue.

use super::*;
use crate::{
    catalog::{Catalog, CatalogFunction, CatalogRelation},
    context::BindContext,
    types::{Parameters, boolean_literal, null_literal, number_literal, string_literal},
};
use lis_lake::{ids::Oid, names::QualifiedName};

#[derive(Debug)]
struct Nothing;

impl Catalog for Nothing {
    fn relation(&self, _: &QualifiedName) -> Option<CatalogRelation> {
        None
    }
    fn relation_by_oid(&self, _: Oid) -> Option<CatalogRelation> {
        None
    }
    fn has_schema(&self, _: &Identifier) -> bool {
        false
    }
    fn functions(&self, _: Option<&Identifier>, _: &Identifier) -> Vec<CatalogFunction> {
        Vec::new()
    }
}

fn context() -> BindContext {
    BindContext {
        current_user: Identifier::exact("anna"),
        current_user_oid: Oid::new(16_400),
        session_user: Identifier::exact("anna"),
        database: "lis".to_owned(),
        administrations: [(String::new(), vec!["101".to_owned()])].into(),
        search_path: Vec::new(),
        time_zone: "Europe/Stockholm".to_owned(),
        transaction_started_at: chrono::DateTime::UNIX_EPOCH,
        statement_started_at: chrono::DateTime::UNIX_EPOCH,
        settings: std::sync::Arc::default(),
        parameter_types: Vec::new(),
        parameter_values: Vec::new(),
        backend_pid: 1,
    }
}

fn with_binding<T>(run: impl FnOnce(&Binding<'_>) -> T) -> T {
    let (context, parameters) = (context(), Parameters::default());
    run(&Binding { catalog: &Nothing, context: &context, parameters: &parameters })
}

/// A literal of a type by a cast from text.
fn of(binding: &Binding<'_>, pg_type: PgType, text: &str) -> Typed {
    coerce(binding, string_literal(text, None), ColumnType::plain(pg_type), CastContext::Explicit, None)
        .unwrap()
}

#[test]
fn operators_choose_as_postgresql_does() {
    use PgType as T;
    with_binding(|binding| {
        let number = |text: &str| number_literal(text, None).unwrap();
        let run = |name: &str, left: Typed, right: Typed| {
            operator(binding, None, name, Some(left), right, None).map(|done| done.pg_type())
        };
        assert_eq!(run("+", number("1"), number("2")), Ok(T::Int4));
        assert_eq!(run("+", number("1"), number("3000000000")), Ok(T::Int8));
        assert_eq!(run("*", number("1"), number("1.5")), Ok(T::Numeric));
        assert_eq!(run("+", number("1"), string_literal("2", None)), Ok(T::Int4));
        assert_eq!(run("^", number("2"), number("3")), Ok(T::Float8));
        assert_eq!(run("||", string_literal("a", None), number("1")), Ok(T::Text));
        assert_eq!(
            run("-", of(binding, T::Date, "2026-01-02"), of(binding, T::Date, "2026-01-01")),
            Ok(T::Int4)
        );
        assert_eq!(
            run("+", of(binding, T::Date, "2026-01-02"), of(binding, T::Interval, "1 day")),
            Ok(T::Timestamp)
        );
        assert_eq!(run("=", of(binding, T::Varchar, "a"), string_literal("b", None)), Ok(T::Bool));
        let kind = |result: Result<T, SqlError>| result.unwrap_err().kind;
        assert_eq!(
            kind(run("+", number("1"), string_literal("x", None))),
            SqlErrorKind::InvalidTextRepresentation
        );
        assert_eq!(kind(run("+", boolean_literal(true, None), number("1"))), SqlErrorKind::UndefinedFunction);
        assert_eq!(
            kind(run("+", string_literal("a", None), string_literal("b", None))),
            SqlErrorKind::AmbiguousFunction
        );
    });
}

#[test]
fn constants_are_computed_when_they_can_be() {
    with_binding(|binding| {
        let number = |text: &str| number_literal(text, None).unwrap();
        let sum = operator(binding, None, "+", Some(number("1")), number("2"), None).unwrap();
        assert_eq!(sum.value(), Some(&ScalarValue::Int32(Some(3))));
        // An error waits until the value is needed.
        let failing = operator(binding, None, "/", Some(number("1")), number("0"), None).unwrap();
        assert_eq!(failing.value(), None);
        let third = operator(binding, None, "/", Some(number("1")), number("3.0"), None).unwrap();
        assert_eq!(third.arrow_type, DataType::Decimal128(38, 20));
    });
}

#[test]
fn common_types() {
    with_binding(|binding| {
        let number = |text: &str| number_literal(text, None).unwrap();
        let run = |mut several: Vec<Typed>| {
            common_type(binding, &mut several, "UNION").map(|common| common.column_type.pg_type)
        };
        assert_eq!(run(vec![number("1"), number("2.5"), null_literal(None)]), Ok(PgType::Numeric));
        assert_eq!(run(vec![string_literal("a", None), null_literal(None)]), Ok(PgType::Text));
        assert_eq!(run(vec![number("1"), string_literal("2", None)]), Ok(PgType::Int4));
        assert_eq!(
            run(vec![number("1"), boolean_literal(true, None)]).unwrap_err().kind,
            SqlErrorKind::DatatypeMismatch
        );
    });
}

#[test]
fn arrays_are_cast_element_by_element() {
    with_binding(|binding| {
        let texts = vec![string_literal("1", None), string_literal("20", None)];
        let array = super::array(binding, texts, None).unwrap();
        assert_eq!(array.pg_type(), PgType::Array(&PgType::Text));
        let target = ColumnType::plain(PgType::Array(&PgType::Int4));
        let cast = coerce(binding, array, target, CastContext::Explicit, None).unwrap();
        let elements = cast.value().and_then(lis_functions::arrays::constant_elements).unwrap();
        assert_eq!(elements, [ScalarValue::Int32(Some(1)), ScalarValue::Int32(Some(20))]);
    });
}

fn call(name: &str, arguments: Vec<Typed>) -> FunctionCall {
    FunctionCall {
        schema: None,
        name: name.to_owned(),
        arguments: arguments.into_iter().map(|value| Argument { name: None, value }).collect(),
        star: false,
        distinct: false,
        variadic: false,
        within_group: Vec::new(),
        over: false,
        position: None,
    }
}

#[test]
fn functions_and_casts_by_name() {
    with_binding(|binding| {
        let number = |text: &str| number_literal(text, None).unwrap();
        let scalar = |call: FunctionCall| match function(binding, call) {
            Ok(ResolvedFunction::Scalar(typed)) => typed,
            other => panic!("{other:?}"),
        };
        assert_eq!(scalar(call("abs", vec![number("-1")])).pg_type(), PgType::Int4);
        assert_eq!(scalar(call("round", vec![number("2.345"), number("2")])).to_string_value(), "2.35");
        assert_eq!(scalar(call("int4", vec![string_literal("7", None)])).to_string_value(), "7");
        assert_eq!(scalar(call("upper", vec![string_literal("a", None)])).to_string_value(), "A");
        let mut named = call("make_interval", vec![number("3")]);
        named.arguments[0].name = Some("days".to_owned());
        assert_eq!(scalar(named).pg_type(), PgType::Interval);
        let sum = function(binding, call("sum", vec![number("3000000000")])).unwrap();
        assert!(matches!(sum, ResolvedFunction::Aggregate(sum) if sum.result.pg_type == PgType::Numeric));
        let unknown = function(binding, call("nosuch", vec![number("1")])).unwrap_err();
        assert_eq!(unknown.message, "function nosuch(integer) does not exist");
        let mut codes = call("my_administrations", Vec::new());
        codes.schema = Some("lis".to_owned());
        let codes = scalar(codes);
        let mine = operator_over_array(binding, "=", of(binding, PgType::Text, "101"), codes, false, None);
        assert!(matches!(mine.unwrap().expr, Expr::InList(_)));
    });
}

trait Shown {
    fn to_string_value(&self) -> String;
}

impl Shown for Typed {
    fn to_string_value(&self) -> String {
        match self.value() {
            Some(ScalarValue::Decimal128(Some(value), _, scale)) => {
                let mut out = Vec::new();
                lis_functions::text_output::write_numeric(*value, *scale, &mut out);
                String::from_utf8(out).unwrap()
            }
            Some(value) => value.to_string(),
            None => self.expr.to_string(),
        }
    }
}
