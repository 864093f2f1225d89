//! What the reference's own catalogue offers over the supported types, by family; and what the matrix leaves out, with the
//! reason. Polymorphic arguments are given a few types each.

use std::collections::BTreeMap;

use anyhow::Result;

use super::samples::sql_name;
use crate::{raw::RawConnection, server::text_rows};

/// How a signature is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `left op right` or `op right`
    Operator,
    /// `f(…)`
    Function,
    /// A function that returns a set
    Set,
    /// `CAST(x AS type)`
    Cast,
    /// `f(…)` over rows
    Aggregate,
    /// `f(direct) WITHIN GROUP (ORDER BY …)`
    OrderedSet,
    /// `f(direct, values) WITHIN GROUP`, of which a hypothetical row is asked
    Hypothetical,
    /// `f(…) OVER (…)`
    Window,
}

/// One operator, function, cast, aggregate or window function over concrete types.
#[derive(Debug, Clone)]
pub struct Signature {
    /// How it is called.
    pub kind: Kind,
    /// Its name; for a cast the target type.
    pub name: String,
    /// The types of its arguments, as `pg_type.typname`.
    pub arguments: Vec<String>,
    /// How many of them are direct (ordered-set aggregates).
    pub direct: usize,
    /// Whether the last argument is marked VARIADIC and given as an array.
    pub variadic_array: bool,
    /// Whether its answers differ from call to call.
    pub volatile: bool,
    /// Its family in the published table.
    pub family: &'static str,
}

impl Signature {
    /// What it is called in the published list.
    pub fn id(&self) -> String {
        let arguments = self.arguments.join(", ");
        match (self.kind, self.arguments.as_slice()) {
            (Kind::Operator, [right]) => format!("{} {right}", self.name),
            (Kind::Operator, [left, right]) => format!("{left} {} {right}", self.name),
            (Kind::Cast, _) => format!("cast({arguments} as {})", self.name),
            (Kind::Window, _) => format!("{}({arguments}) over", self.name),
            (Kind::OrderedSet | Kind::Hypothetical, _) => format!("{}({arguments}) within group", self.name),
            _ => format!("{}({arguments})", self.name),
        }
    }
}

/// What is not called, by a word of the reason: how many signatures.
pub type LeftOut = BTreeMap<&'static str, usize>;

/// The types that `anyelement` and its like are tried with.
const ELEMENTS: &[&str] = &["int4", "text", "numeric", "date"];

/// Names that have a family of their own by another reason than their types.
const FAMILIES: &[(&str, &[&str])] = &[
    (
        "patterns",
        &[
            "~",
            "!~",
            "~*",
            "!~*",
            "~~",
            "!~~",
            "~~*",
            "!~~*",
            "regexp_count",
            "regexp_instr",
            "regexp_like",
            "regexp_match",
            "regexp_matches",
            "regexp_replace",
            "regexp_substr",
            "regexp_split_to_array",
            "regexp_split_to_table",
            "like",
            "notlike",
            "like_escape",
            "similar_escape",
            "similar_to_escape",
        ],
    ),
    ("formatting", &["to_char", "to_date", "to_number", "to_timestamp"]),
    ("bits", &["&", "|", "#", "~", "<<", ">>", "bit_count", "get_bit", "set_bit", "get_byte", "set_byte"]),
    (
        "statistics",
        &[
            "stddev",
            "stddev_pop",
            "stddev_samp",
            "variance",
            "var_pop",
            "var_samp",
            "corr",
            "covar_pop",
            "covar_samp",
            "regr_avgx",
            "regr_avgy",
            "regr_count",
            "regr_intercept",
            "regr_r2",
            "regr_slope",
            "regr_sxx",
            "regr_sxy",
            "regr_syy",
            "percentile_cont",
            "percentile_disc",
            "mode",
            "rank",
            "dense_rank",
            "percent_rank",
            "cume_dist",
        ],
    ),
    (
        "conditional and type",
        &[
            "num_nulls",
            "num_nonnulls",
            "pg_typeof",
            "quote_literal",
            "quote_nullable",
            "quote_ident",
            "concat",
            "concat_ws",
            "format",
        ],
    ),
];

/// Functions of the catalogue that nobody calls in a report, by the beginning of their name, and why they are left out.
const LEFT_OUT: &[(&str, &str)] = &[
    ("lo_", "large objects: family not offered"),
    ("loread", "large objects: family not offered"),
    ("lowrite", "large objects: family not offered"),
    ("has_", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("row_security_active", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("_pg_", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("obj_description", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("shobj_description", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("col_description", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("format_type", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("current_", "session: tested with the catalogue queries of clients"),
    ("session_user", "session: tested with the catalogue queries of clients"),
    ("set_config", "session: tested with the catalogue queries of clients"),
    ("getpgusername", "session: tested with the catalogue queries of clients"),
    ("getdatabaseencoding", "session: tested with the catalogue queries of clients"),
    ("version", "session: tested with the catalogue queries of clients"),
    ("inet_", "session: tested with the catalogue queries of clients"),
    ("lastval", "sequences: family not offered"),
    ("nextval", "sequences: family not offered"),
    ("txid_", "administration and replication: family not offered"),
    ("amvalidate", "administration and replication: family not offered"),
    ("satisfies_hash_partition", "administration and replication: family not offered"),
    ("postgresql_fdw_validator", "administration and replication: family not offered"),
    ("ts_", "full-text search: family not offered"),
    ("xml_", "xml: family not offered"),
    ("json_populate_record", "rows as types: tested in the corpus"),
    ("jsonb_populate_record", "rows as types: tested in the corpus"),
    ("json_to_record", "rows as types: tested in the corpus"),
    ("jsonb_to_record", "rows as types: tested in the corpus"),
    ("to_ascii", "character sets: everything is UTF8"),
    ("dexp", "implementation of another function"),
    ("dlog", "implementation of another function"),
    ("dround", "implementation of another function"),
    ("dtrunc", "implementation of another function"),
    ("numeric_", "implementation of another function"),
    ("int4inc", "implementation of another function"),
    ("int8_sum", "implementation of another function"),
    ("nameconcatoid", "implementation of another function"),
    ("textlen", "implementation of another function"),
    ("similar_escape", "implementation of another function"),
    ("similar_to_escape", "implementation of another function"),
    ("like_escape", "implementation of another function"),
    ("daterange_", "ranges: family not offered"),
    ("int4range_", "ranges: family not offered"),
    ("int8range_", "ranges: family not offered"),
    ("numrange_", "ranges: family not offered"),
    ("tsrange_", "ranges: family not offered"),
    ("tstzrange_", "ranges: family not offered"),
    ("timeofday", "answers with the moment"),
    ("to_reg", "privileges and catalogue: tested with the catalogue queries of clients"),
    ("pg_size_pretty", ""),
    ("pg_size_bytes", ""),
    ("pg_typeof", ""),
    ("pg_", "privileges and catalogue: tested with the catalogue queries of clients"),
];

/// Functions that stand behind an operator and have a documented name too.
const DOCUMENTED: &str = "'array_append','array_prepend','array_cat','starts_with','like','notlike','json_extract_path',\
     'json_extract_path_text','jsonb_extract_path','jsonb_extract_path_text','timezone','mod','timestamptz','pow'";

/// Types that a result may have beside those that the matrix has values of.
const RESULTS: &[&str] = &["record", "regtype", "_record"];

/// Stable functions whose answer is the time of the call.
const CLOCK: &[&str] =
    &["now", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "timeofday"];

/// Reads the reference's catalogue.
pub fn read(reference: &mut RawConnection) -> Result<(Vec<Signature>, LeftOut)> {
    let mut found = Vec::new();
    let mut left_out = LeftOut::new();
    operators(reference, &mut found, &mut left_out)?;
    functions(reference, &mut found, &mut left_out)?;
    casts(reference, &mut found, &mut left_out)?;
    found.sort_by_key(|signature| (signature.family, signature.kind, signature.id()));
    found.dedup_by_key(|signature| (signature.kind, signature.id()));
    Ok((found, left_out))
}

fn operators(
    reference: &mut RawConnection,
    found: &mut Vec<Signature>,
    left_out: &mut LeftOut,
) -> Result<()> {
    let rows = text_rows(&reference.must(
        "select oprname, coalesce(l.typname, ''), r.typname, t.typname from pg_operator o left join pg_type l on \
         l.oid = oprleft join pg_type r on r.oid = oprright join pg_type t on t.oid = oprresult where oprcode <> 0",
    )?);
    for row in rows {
        let [name, left, right, result] = row.as_slice() else { continue };
        let arguments: Vec<String> =
            [left, right].into_iter().filter(|name| !name.is_empty()).cloned().collect();
        let concrete = concrete(&arguments, result);
        if concrete.is_empty() {
            *left_out.entry("types that are not offered").or_default() += 1;
        }
        for arguments in concrete {
            let family = family_of(name, &arguments, result, Kind::Operator);
            found.push(Signature {
                kind: Kind::Operator,
                name: name.clone(),
                arguments,
                direct: 0,
                variadic_array: false,
                volatile: false,
                family,
            });
        }
    }
    Ok(())
}

fn functions(
    reference: &mut RawConnection,
    found: &mut Vec<Signature>,
    left_out: &mut LeftOut,
) -> Result<()> {
    let sql = format!(
        "with support as (
           select oprcode::oid as oid from pg_operator union select oprrest from pg_operator
           union select oprjoin from pg_operator union select castfunc from pg_cast union select amproc::oid from pg_amproc
           union select unnest(array[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze,
                                     typsubscript]::oid[]) from pg_type
           union select unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,
                                     aggminvtransfn, aggmfinalfn]::oid[]) from pg_aggregate)
         select proname, prokind, proretset, provolatile, provariadic <> 0, coalesce(aggkind, 'n'),
                coalesce(aggnumdirectargs, 0), t.typname,
                array_to_string(array(select typname from unnest(proargtypes) with ordinality u(oid, n)
                                      join pg_type using (oid) order by n), ','),
                p.oid in (select oid from support) and proname not in ({DOCUMENTED})
         from pg_proc p join pg_type t on t.oid = prorettype left join pg_aggregate on aggfnoid = p.oid
         where pronamespace = 'pg_catalog'::regnamespace and prokind <> 'p'"
    );
    for row in text_rows(&reference.must(&sql)?) {
        let [name, kind, set, volatility, variadic, aggregate, direct, result, arguments, support] =
            row.as_slice()
        else {
            continue;
        };
        if support == "t" {
            *left_out
                .entry("implementation of an operator, a cast, an aggregate, a type or an index")
                .or_default() += 1;
            continue;
        }
        if let Some((_, reason)) = LEFT_OUT.iter().find(|(prefix, _)| name.starts_with(prefix))
            && !reason.is_empty()
            && kind == "f"
        {
            *left_out.entry(reason).or_default() += 1;
            continue;
        }
        let arguments: Vec<String> =
            arguments.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let concrete = concrete(&arguments, result);
        if concrete.is_empty() {
            *left_out.entry("types that are not offered").or_default() += 1;
        }
        let kind = match (kind.as_str(), set.as_str(), aggregate.as_str()) {
            ("w", ..) => Kind::Window,
            ("a", _, "o") => Kind::OrderedSet,
            ("a", _, "h") => Kind::Hypothetical,
            ("a", ..) => Kind::Aggregate,
            (_, "t", _) => Kind::Set,
            _ => Kind::Function,
        };
        let any_variadic = arguments.last().is_some_and(|last| last == "any");
        for arguments in concrete {
            let family = family_of(name, &arguments, result, kind);
            found.push(Signature {
                kind,
                name: name.clone(),
                arguments,
                direct: direct.parse().unwrap_or(0),
                variadic_array: variadic == "t" && !any_variadic && kind != Kind::Hypothetical,
                volatile: volatility == "v" || CLOCK.contains(&name.as_str()),
                family,
            });
        }
    }
    Ok(())
}

fn casts(reference: &mut RawConnection, found: &mut Vec<Signature>, left_out: &mut LeftOut) -> Result<()> {
    let rows = text_rows(&reference.must(
        "select s.typname, t.typname from pg_cast join pg_type s on s.oid = castsource join pg_type t on \
         t.oid = casttarget",
    )?);
    let mut push = |source: &str, target: &str| {
        if sql_name(source).is_none() || sql_name(target).is_none() {
            *left_out.entry("types that are not offered").or_default() += 1;
            return;
        }
        found.push(Signature {
            kind: Kind::Cast,
            name: target.to_owned(),
            arguments: vec![source.to_owned()],
            direct: 0,
            variadic_array: false,
            volatile: false,
            family: "casts",
        });
    };
    for row in rows {
        if let [source, target] = row.as_slice() {
            push(source, target);
        }
    }
    // Through the types' input and output functions: what pg_cast does not list.
    for (typname, ..) in super::samples::TYPES {
        for text in ["text", "varchar"] {
            push(typname, text);
            push(text, typname);
        }
    }
    Ok(())
}

/// The argument lists that a polymorphic one stands for; empty if a type is not covered.
fn concrete(arguments: &[String], result: &str) -> Vec<Vec<String>> {
    let polymorphic = |name: &str| name.starts_with("any");
    if !polymorphic(result) && sql_name(result).is_none() && !RESULTS.contains(&result) {
        return Vec::new();
    }
    let elements: &[&str] = if arguments.iter().any(|name| polymorphic(name)) { ELEMENTS } else { &["int4"] };
    elements
        .iter()
        .filter_map(|element| {
            arguments
                .iter()
                .map(|name| {
                    Some(match name.as_str() {
                        "anyelement" | "anynonarray" | "anycompatible" | "anycompatiblenonarray" | "any" => {
                            (*element).to_owned()
                        }
                        "anyarray" | "anycompatiblearray" => format!("_{element}"),
                        concrete if sql_name(concrete).is_some() => concrete.to_owned(),
                        _ => return None,
                    })
                })
                .collect()
        })
        .collect()
}

const NUMBERS: &[&str] = &["int2", "int4", "int8", "numeric", "float4", "float8"];
const TIMES: &[&str] = &["date", "time", "timetz", "timestamp", "timestamptz", "interval"];
const TEXTS: &[&str] = &["text", "varchar", "bpchar", "char", "name"];

fn family_of(name: &str, arguments: &[String], result: &str, kind: Kind) -> &'static str {
    let any = |list: &[&str]| arguments.iter().any(|name| list.contains(&name.as_str()));
    let all =
        |list: &[&str]| !arguments.is_empty() && arguments.iter().all(|name| list.contains(&name.as_str()));
    let comparison = ["=", "<>", "<", "<=", ">", ">="].contains(&name) && kind == Kind::Operator;
    if kind == Kind::Window {
        return "window functions";
    }
    let is_text_operator = any(TEXTS);
    let named = FAMILIES.iter().find(|(_, names)| names.contains(&name)).map(|(family, _)| *family);
    if let Some("patterns") = named
        && (is_text_operator || any(&["bytea"]))
    {
        return "patterns";
    }
    if let Some("statistics") = named
        && matches!(kind, Kind::Aggregate | Kind::OrderedSet | Kind::Hypothetical)
    {
        return "statistics";
    }
    if matches!(kind, Kind::Aggregate | Kind::OrderedSet | Kind::Hypothetical) {
        return "aggregates";
    }
    if let Some("formatting" | "conditional and type") = named {
        return named.unwrap_or("formatting");
    }
    let is_array = arguments.iter().any(|name| name.starts_with('_'));
    if any(&["json", "jsonb", "jsonpath"])
        || ["json", "jsonb", "jsonpath"].contains(&result)
        || name.starts_with("json")
    {
        return "json";
    }
    if is_array || result == "anyarray" || name == "unnest" {
        return "arrays";
    }
    if comparison {
        return "comparison";
    }
    if named.is_some_and(|family| family == "bits") && (all(&["int2", "int4", "int8"]) || any(&["bytea"])) {
        return "bits";
    }
    if any(TIMES) || TIMES.contains(&result) {
        return "date and time";
    }
    if any(&["bytea"]) || result == "bytea" {
        return "bytea";
    }
    if any(TEXTS) || TEXTS.contains(&result) {
        return "strings";
    }
    if kind == Kind::Operator && all(NUMBERS) {
        return "arithmetic";
    }
    if any(NUMBERS) || NUMBERS.contains(&result) {
        return "mathematical";
    }
    "other types"
}
