//! When two answers agree. The rules beside equality are the agreed ones of the project: a column has one scale, so a
//! `numeric` out of a column is compared by value; what cannot be exact (`/`, `avg`, logarithms, deviations) has 16
//! significant digits; a `numeric` of more than 38 digits is 22003.

use bytes::Bytes;

use super::{
    answers::Answer,
    signatures::{Kind, Signature},
};

const NUMERIC: u32 = 1700;
const NUMERIC_ARRAY: u32 = 1231;
/// PostgreSQL's `numeric` has no limit that a report meets; ours does.
const DIGITS_MAX: usize = 38;
/// What an inexact `numeric` result must share with PostgreSQL's.
const SIGNIFICANT_DIGITS: u32 = 16;

/// Functions and operators whose `numeric` result cannot be exact.
const INEXACT: &[&str] = &[
    "/",
    "^",
    "avg",
    "sqrt",
    "ln",
    "log",
    "log10",
    "exp",
    "power",
    "pow",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
];

/// How a call compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same answer.
    Agree,
    /// LIS said that it does not offer this: the SQLSTATE.
    Refused(String),
    /// Another answer.
    Differs,
}

/// Compares.
pub fn verdict(signature: &Signature, path: &str, ours: &Answer, theirs: &Answer) -> Verdict {
    let refusal = |state: &str| state == "0A000" || state == "42883";
    match (ours, theirs) {
        (Answer::Error { sqlstate, .. }, Answer::Error { sqlstate: wanted, .. }) if sqlstate == wanted => {
            Verdict::Agree
        }
        (Answer::Error { sqlstate, .. }, _) if refusal(sqlstate) => Verdict::Refused(sqlstate.clone()),
        // More than one candidate where PostgreSQL knows one: it offers more than we do.
        (Answer::Error { sqlstate, .. }, _)
            if signature.kind == Kind::Operator && (sqlstate == "42725" || sqlstate == "42P18") =>
        {
            Verdict::Refused(sqlstate.clone())
        }
        (Answer::Error { sqlstate, .. }, Answer::Rows { types, text, .. })
            if sqlstate == "22003" && too_wide(types, text) =>
        {
            Verdict::Refused("22003".to_owned())
        }
        (Answer::Rows { .. }, Answer::Rows { .. }) => {
            if rows_agree(signature, path, ours, theirs) {
                Verdict::Agree
            } else {
                Verdict::Differs
            }
        }
        _ => Verdict::Differs,
    }
}

fn too_wide(types: &[u32], text: &[Vec<Option<Bytes>>]) -> bool {
    text.iter().any(|row| {
        row.iter().zip(types).any(|(value, type_oid)| {
            *type_oid == NUMERIC
                && value.as_ref().is_some_and(|bytes| {
                    bytes.iter().filter(|byte| byte.is_ascii_digit()).count() > DIGITS_MAX
                })
        })
    })
}

fn rows_agree(signature: &Signature, path: &str, ours: &Answer, theirs: &Answer) -> bool {
    let (
        Answer::Rows { types, text, binary },
        Answer::Rows { types: their_types, text: their_text, binary: their_binary },
    ) = (ours, theirs)
    else {
        return false;
    };
    if types != their_types {
        return false;
    }
    if signature.volatile {
        return text.len() == their_text.len();
    }
    if text == their_text {
        return binary == their_binary;
    }
    if text.len() != their_text.len() {
        return false;
    }
    text.iter().zip(their_text).all(|(row, their_row)| {
        row.len() == their_row.len()
            && row.iter().zip(their_row).zip(types).all(|((ours, theirs), type_oid)| match (ours, theirs) {
                (Some(ours), Some(theirs)) => {
                    ours == theirs
                        || match *type_oid {
                            NUMERIC => numbers_agree(signature, path, ours, theirs),
                            NUMERIC_ARRAY => lists_agree(ours, theirs),
                            _ => false,
                        }
                }
                (ours, theirs) => ours == theirs,
            })
    })
}

fn numbers_agree(signature: &Signature, path: &str, ours: &[u8], theirs: &[u8]) -> bool {
    let (ours, theirs) = (plain(ours), plain(theirs));
    if INEXACT.contains(&signature.name.as_str()) {
        return near(&ours, &theirs);
    }
    path != "constant" && ours == theirs
}

/// Arrays of `numeric` have one scale, too.
fn lists_agree(ours: &[u8], theirs: &[u8]) -> bool {
    let split =
        |bytes: &[u8]| -> Vec<String> { bytes.split(|byte| b",{}".contains(byte)).map(plain).collect() };
    split(ours) == split(theirs)
}

/// Without trailing zeros after the point.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Whether two numbers agree in their first digits, or to one in the last place that both show.
fn near(ours: &str, theirs: &str) -> bool {
    let cut = |text: &str, places: usize| -> Option<i128> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
        format!("{whole}{fraction}").parse().ok()
    };
    let places = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let shared = places(ours).min(places(theirs));
    // As many places as 38 digits leave room for.
    (0..=shared).rev().find_map(|places| cut(ours, places).zip(cut(theirs, places))).is_some_and(
        |(ours, theirs)| {
            let apart = (ours - theirs).unsigned_abs();
            let relative = apart.checked_mul(10_u128.pow(SIGNIFICANT_DIGITS - 1));
            apart <= 1 || relative.is_some_and(|relative| relative <= theirs.unsigned_abs())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{near, plain};

    #[test]
    fn numbers_are_near_in_sixteen_digits() {
        assert!(near("0.33333333333333333333", "0.3333333333333333"));
        assert!(near("1.0000000000000001", "1.0000000000000002"));
        assert!(!near("0.3333333333334333", "0.3333333333333333"));
        assert!(!near("-1", "1"));
        assert!(near("0.99999999999999999", "1.0000000000000000"));
        assert!(near("39040.2362415696455017", "39040.23624157"));
        assert!(!near("39040.2362415696455017", "39040.23624152"));
        assert_eq!(plain(b"1.500"), "1.5");
        assert_eq!(plain(b"100"), "100");
    }
}
