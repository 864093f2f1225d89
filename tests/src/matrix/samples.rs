//! The values that the matrix calls with: per type a few ordinary ones and those at its edges, as the text of a literal.
//! Arguments that are a language of their own (a format, a pattern, the name of a field) have values by function.

/// The values of a type.
#[derive(Debug, Clone, Copy)]
pub struct Samples {
    /// Values that people store.
    pub ordinary: &'static [&'static str],
    /// Values at the edge of the type.
    pub boundary: &'static [&'static str],
}

const fn samples(ordinary: &'static [&'static str], boundary: &'static [&'static str]) -> Samples {
    Samples { ordinary, boundary }
}

/// The types that the matrix covers, by `pg_type.typname`, with their name in a cast.
pub const TYPES: &[(&str, &str, Samples)] = &[
    ("bool", "boolean", samples(&["t", "f"], &[])),
    ("int2", "int2", samples(&["0", "1", "-1", "7", "-300"], &["32767", "-32768"])),
    ("int4", "int4", samples(&["0", "1", "-1", "2", "7", "-13", "100"], &["2147483647", "-2147483648"])),
    (
        "int8",
        "int8",
        samples(&["0", "1", "-1", "7", "12345678901"], &["9223372036854775807", "-9223372036854775808"]),
    ),
    (
        "numeric",
        "numeric",
        samples(
            &["0", "1", "-1", "7", "1.5", "-2.50", "0.5", "123456.789", "0.001"],
            &["99999999999999999999", "-0.0000000001", "NaN"],
        ),
    ),
    (
        "float4",
        "float4",
        samples(
            &["0", "1", "-1.5", "3.14159", "100000", "1e-05"],
            &["NaN", "Infinity", "-Infinity", "-0", "3.4e+38"],
        ),
    ),
    (
        "float8",
        "float8",
        samples(
            &["0", "1", "-1.5", "0.5", "2.718281828459045", "100", "1e-05", "1000000000000000"],
            &["NaN", "Infinity", "-Infinity", "-0", "1.7976931348623157e+308"],
        ),
    ),
    (
        "text",
        "text",
        samples(
            &["abc", "a", "Hello, World", "Åke Öberg", "123", "a,b,,c", "  pad  ", "50%_\\x"],
            &["", "å", "12.5", "true", "2024-02-29"],
        ),
    ),
    ("varchar", "varchar", samples(&["abc", "Åsa", "b  "], &[""])),
    ("bpchar", "bpchar", samples(&["abc", "ab  ", "Åsa"], &["", "   "])),
    ("char", "\"char\"", samples(&["a", "Z"], &[""])),
    ("name", "name", samples(&["abc", "pg_class"], &[""])),
    ("bytea", "bytea", samples(&["\\x616263", "\\xdeadbeef", "\\x00", "\\x6162"], &["\\x", "\\xff00ff7f80"])),
    (
        "date",
        "date",
        samples(
            &["2024-02-29", "2000-01-01", "1999-12-31", "1970-01-01"],
            &["0044-03-15 BC", "infinity", "-infinity", "5874897-12-31", "4714-11-24 BC"],
        ),
    ),
    ("time", "time", samples(&["00:00", "12:34:56.789", "08:00"], &["24:00", "23:59:59.999999"])),
    (
        "timetz",
        "timetz",
        samples(&["12:34:56+02", "00:00:00-05:30", "08:00:00+00"], &["23:59:59.999999+00", "24:00:00+15:59"]),
    ),
    (
        "timestamp",
        "timestamp",
        samples(
            &[
                "2024-02-29 12:34:56.789",
                "2000-01-01 00:00:00",
                "1999-12-31 23:59:59.999999",
                "2024-10-27 02:30:00",
            ],
            &[
                "0044-03-15 10:00:00 BC",
                "infinity",
                "-infinity",
                "294246-12-31 23:59:59.999999",
                "4714-11-24 00:00:00 BC",
            ],
        ),
    ),
    (
        "timestamptz",
        "timestamptz",
        samples(
            &[
                "2024-03-31 00:59:59+00",
                "2024-10-27 00:30:00+00",
                "2000-01-01 00:00:00+01",
                "1999-12-31 23:59:59.999999+00",
            ],
            &["1850-06-01 12:00:00+00", "infinity", "-infinity", "294246-12-31 23:59:59.999999+00"],
        ),
    ),
    (
        "interval",
        "interval",
        samples(
            &[
                "1 day",
                "-1 mon",
                "1 year 2 mons 3 days 04:05:06.789",
                "36:00:00",
                "-1 days +02:00:00",
                "00:15:00",
            ],
            &["0", "178000000 years", "-178000000 years", "2147483647 days"],
        ),
    ),
    (
        "uuid",
        "uuid",
        samples(
            &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "123e4567-e89b-12d3-a456-426614174000"],
            &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        ),
    ),
    (
        "json",
        "json",
        samples(
            &[
                "{\"a\": 1, \"b\": [1, 2, {\"c\": null}]}",
                "[1, \"two\", 3.50]",
                "{\"a\": {\"b\": \"x\"}, \"n\": null}",
            ],
            &["\"str\"", "null", "12.50", "true", "{}", "[]"],
        ),
    ),
    (
        "jsonb",
        "jsonb",
        samples(
            &[
                "{\"a\": 1, \"b\": [1, 2, {\"c\": null}]}",
                "[1, \"two\", 3.50]",
                "{\"a\": {\"b\": \"x\"}, \"n\": null}",
            ],
            &["\"str\"", "null", "12.50", "true", "{}", "[]"],
        ),
    ),
    (
        "jsonpath",
        "jsonpath",
        samples(&["$.a", "$[*] ? (@ > 1)", "strict $.b[last]", "$.a == 1"], &["$", "1"]),
    ),
    ("oid", "oid", samples(&["1", "25", "1259"], &["0", "4294967295"])),
    ("_bool", "boolean[]", samples(&["{t,f}", "{f,NULL}"], &["{}"])),
    ("_int2", "int2[]", samples(&["{1,2,3}", "{5,NULL}"], &["{}"])),
    ("_int4", "int4[]", samples(&["{1,2,3}", "{5,NULL}", "{3,1,2,1}", "{7}"], &["{}", "{{1,2},{3,4}}"])),
    ("_int8", "int8[]", samples(&["{1,2,3}", "{5,NULL}"], &["{}"])),
    ("_numeric", "numeric[]", samples(&["{1.50,2.25}", "{7,NULL}"], &["{}"])),
    ("_float4", "float4[]", samples(&["{1.5,-2}", "{NaN,NULL}"], &["{}"])),
    ("_float8", "float8[]", samples(&["{1.5,-2}", "{0,1,2,4}"], &["{}", "{NaN,-0}"])),
    (
        "_text",
        "text[]",
        samples(&["{a,b,c}", "{\"x y\",NULL,\"\"}", "{b,1}", "{a}"], &["{}", "{\"q\\\"\",\"NULL\"}"]),
    ),
    ("_date", "date[]", samples(&["{2024-02-29,2000-01-01}", "{NULL}"], &["{}"])),
    ("_timestamp", "timestamp[]", samples(&["{\"2024-02-29 12:34:56\"}", "{NULL}"], &["{}"])),
    ("_timestamptz", "timestamptz[]", samples(&["{\"2024-02-29 12:34:56+00\"}"], &["{}"])),
];

/// A type's name in a cast.
pub fn sql_name(typname: &str) -> Option<&'static str> {
    TYPES.iter().find(|(name, ..)| *name == typname).map(|(_, sql, _)| *sql)
}

/// A type's values.
pub fn of_type(typname: &str) -> Option<Samples> {
    TYPES.iter().find(|(name, ..)| *name == typname).map(|(.., samples)| *samples)
}

const FIELDS: Samples = samples(
    &[
        "year", "month", "day", "hour", "minute", "second", "week", "quarter", "dow", "doy", "epoch",
        "isodow", "isoyear",
    ],
    &[
        "decade",
        "century",
        "millennium",
        "julian",
        "milliseconds",
        "microseconds",
        "timezone",
        "timezone_hour",
        "fortnight",
    ],
);
const ZONES: Samples =
    samples(&["Europe/Stockholm", "UTC", "America/New_York", "+03", "EST"], &["CET", "nowhere/none"]);
const PATTERNS: Samples = samples(
    &["b", "^a.*c$", "[0-9]+", "(l+)(o)", "[[:alpha:]]+", "\\d", ",", "(?i)HELLO", "(a)|(x)"],
    &["", "(", "\\mW", "å", "\\s+$"],
);
const FLAGS: Samples = samples(&["g", "i", "gi", ""], &["n", "x", "q", "z"]);
const LIKES: Samples = samples(&["a%", "%o%", "_b_", "abc", "%\\%%"], &["", "%", "å%", "a\\"]);
const COUNTS: Samples = samples(&["0", "1", "2", "3", "5", "-1", "-2"], &["2147483647", "-2147483648", "20"]);
const STARTS: Samples = samples(&["1", "2", "3", "10"], &["0", "-1"]);
const NUMBER_FORMATS: Samples = samples(
    &[
        "999",
        "S9,999.99",
        "FM999999.009",
        "0000.00",
        "9G999D99",
        "MI9999.9",
        "9999PR",
        "SG9999",
        "999999999999",
        "RN",
    ],
    &["", "9.99EEEE", "PL999", "999TH", "99V99", "FMRN", "L999", "B999", "\"n=\"999", "."],
);
const TIME_FORMATS: Samples = samples(
    &[
        "YYYY-MM-DD HH24:MI:SS.US",
        "Day, DD Month YYYY",
        "FMDay, FMDD FMMonth",
        "IYYY-\"W\"IW-ID",
        "Dy DDth Mon YY",
        "HH12:MI AM",
        "Q J DDD WW W D",
        "SSSS MS FF3",
    ],
    &[
        "",
        "CC RM Y,YYY BC",
        "TZ OF",
        "TZH:TZM",
        "YYYYTH a.d. p.m.",
        "\\\"x\\\" \"text\" YYY",
        "fmMON dAY RM rm",
        "SP",
    ],
);
const DATE_TEXTS: Samples = samples(
    &["2024-02-29", "20240229", "05 Dec 2000", "29.2.2024", "2024-060", "12/31/99"],
    &["", "2024-13-01", "2023-02-29", "abc", "2024-02-29 13:45:10"],
);
const DATE_FORMATS: Samples = samples(
    &["YYYY-MM-DD", "YYYYMMDD", "DD Mon YYYY", "DD.MM.YYYY", "YYYY-DDD", "MM/DD/YY"],
    &["", "YYYY-MM-DD HH24:MI:SS", "IYYY-IW", "J", "FXYYYY-MM-DD"],
);
const NUMBER_TEXTS: Samples =
    samples(&["12,454.8-", "1234.56", "-1,234", "  42", "<12>", "12"], &["", "abc", "1.2.3", "+7"]);
const ENCODINGS: Samples = samples(&["hex", "base64", "escape"], &["rot13", "HEX"]);
const ENCODED: Samples = samples(&["616263", "YWJj", "a\\\\b\\000", "YWI="], &["", "6", "zz", "Y", "\\\\x"]);
const CHARACTER_SETS: Samples = samples(&["UTF8", "LATIN1"], &["SQL_ASCII", "nonsense"]);
const FORMS: Samples = samples(&["NFC", "NFD"], &["NFKC", "nfx"]);
const TEMPLATES: Samples =
    samples(&["%s", "x%sy", "%I", "%L", "%1$s-%s", "%10s|"], &["%%", "%", "plain", "%-5s|", "%y"]);
const SMALL: Samples = samples(&["1", "2", "5"], &["0", "-1"]);
const YEARS: Samples = samples(&["2024", "1999", "1"], &["0", "-44", "300000000"]);
const PARTS: Samples = samples(&["1", "2", "12", "10"], &["0", "13", "-1"]);
const SECONDS: Samples = samples(&["0", "30.5", "59.999999"], &["60", "60.1", "-1", "NaN"]);
const FRACTIONS: Samples = samples(&["0.5", "0", "1", "0.25"], &["1.5", "-0.1", "NaN"]);
const FACTORIALS: Samples = samples(&["0", "1", "5", "20", "30"], &["-1", "33", "34"]);
const BUCKETS: Samples = samples(&["5", "10", "1"], &["0", "-1", "2147483647"]);
const STRIDES: Samples =
    samples(&["15 minutes", "1 day", "01:30:00", "2 days 12:00:00"], &["0", "-1 hour", "1 month"]);
const UNICODE: Samples =
    samples(&["\\0441\\043B", "d\\+000061ta", "plain", "\\u0061"], &["", "\\", "\\00zz", "\\D800", "\\\\"]);
const KEYS: Samples = samples(&["a", "b", "n"], &["", "zz"]);
const PATHS: Samples =
    samples(&["{a}", "{b,0}", "{b,2,c}", "{a,b}", "{1}"], &["{}", "{zz}", "{NULL}", "{b,-1}"]);
const SIZES: Samples = samples(&["1 kB", "10MB", "12345", "1.5 GB"], &["", "abc", "-1 TB", "1 XB"]);
const IDENTIFIERS: Samples = samples(&["a.b", "\"Foo\".bar", "Tbl"], &["", "a..b", "1a"]);
const TRANSLATIONS: Samples = samples(&["abc", "lo", "xyz", "Å"], &[""]);
const SEPARATORS: Samples = samples(&[",", "b", ", "], &["", "abc"]);
const TRIMS: Samples = samples(&["a", " ", "abc", "xa"], &[""]);
const POINTS: Samples = samples(&["65", "97", "8364", "229"], &["0", "-1", "1114112", "55296", "127"]);
const DIMENSIONS: Samples = samples(&["{3}", "{2}", "{0}"], &["{}", "{-1}", "{2,2}", "{NULL}"]);

/// The values of one argument of one function or operator: by name, the argument's index, and its type where several
/// functions share the name.
const BY_FUNCTION: &[(&str, usize, &str, Samples)] = &[
    ("date_trunc", 0, "text", FIELDS),
    ("date_part", 0, "text", FIELDS),
    ("extract", 0, "text", FIELDS),
    ("date_trunc", 2, "text", ZONES),
    ("timezone", 0, "text", ZONES),
    ("make_timestamptz", 6, "text", ZONES),
    ("regexp_count", 1, "text", PATTERNS),
    ("regexp_instr", 1, "text", PATTERNS),
    ("regexp_like", 1, "text", PATTERNS),
    ("regexp_match", 1, "text", PATTERNS),
    ("regexp_matches", 1, "text", PATTERNS),
    ("regexp_replace", 1, "text", PATTERNS),
    ("regexp_substr", 1, "text", PATTERNS),
    ("regexp_split_to_array", 1, "text", PATTERNS),
    ("regexp_split_to_table", 1, "text", PATTERNS),
    ("substring", 1, "text", PATTERNS),
    ("~", 1, "text", PATTERNS),
    ("!~", 1, "text", PATTERNS),
    ("~*", 1, "text", PATTERNS),
    ("!~*", 1, "text", PATTERNS),
    ("~~", 1, "text", LIKES),
    ("!~~", 1, "text", LIKES),
    ("~~*", 1, "text", LIKES),
    ("!~~*", 1, "text", LIKES),
    ("like", 1, "text", LIKES),
    ("notlike", 1, "text", LIKES),
    ("regexp_like", 2, "text", FLAGS),
    ("regexp_match", 2, "text", FLAGS),
    ("regexp_matches", 2, "text", FLAGS),
    ("regexp_split_to_array", 2, "text", FLAGS),
    ("regexp_split_to_table", 2, "text", FLAGS),
    ("regexp_count", 3, "text", FLAGS),
    ("regexp_replace", 3, "text", FLAGS),
    ("regexp_replace", 5, "text", FLAGS),
    ("regexp_substr", 4, "text", FLAGS),
    ("regexp_instr", 5, "text", FLAGS),
    ("regexp_count", 2, "int4", STARTS),
    ("regexp_instr", 2, "int4", STARTS),
    ("regexp_instr", 3, "int4", STARTS),
    ("regexp_instr", 4, "int4", samples(&["0", "1"], &["2", "-1"])),
    ("regexp_instr", 6, "int4", samples(&["0", "1"], &["2", "-1"])),
    ("regexp_substr", 2, "int4", STARTS),
    ("regexp_substr", 3, "int4", STARTS),
    ("regexp_substr", 5, "int4", samples(&["0", "1"], &["2", "-1"])),
    ("regexp_replace", 3, "int4", STARTS),
    ("regexp_replace", 4, "int4", samples(&["0", "1", "2"], &["-1", "100"])),
    ("regexp_replace", 2, "text", samples(&["X", "<\\1>", "\\&\\&", ""], &["\\\\", "$1"])),
    ("split_part", 1, "text", SEPARATORS),
    ("string_to_array", 1, "text", SEPARATORS),
    ("string_to_table", 1, "text", SEPARATORS),
    ("split_part", 2, "int4", samples(&["1", "2", "-1", "4"], &["0", "2147483647"])),
    ("repeat", 1, "int4", COUNTS),
    ("lpad", 1, "int4", COUNTS),
    ("rpad", 1, "int4", COUNTS),
    ("left", 1, "int4", COUNTS),
    ("right", 1, "int4", COUNTS),
    ("chr", 0, "int4", POINTS),
    ("substr", 1, "int4", COUNTS),
    ("substr", 2, "int4", COUNTS),
    ("substring", 1, "int4", COUNTS),
    ("substring", 2, "int4", COUNTS),
    ("overlay", 2, "int4", COUNTS),
    ("overlay", 3, "int4", COUNTS),
    ("btrim", 1, "text", TRIMS),
    ("ltrim", 1, "text", TRIMS),
    ("rtrim", 1, "text", TRIMS),
    ("translate", 1, "text", TRANSLATIONS),
    ("translate", 2, "text", TRANSLATIONS),
    ("replace", 1, "text", SEPARATORS),
    ("to_char", 1, "text", TIME_FORMATS),
    ("to_date", 0, "text", DATE_TEXTS),
    ("to_date", 1, "text", DATE_FORMATS),
    ("to_timestamp", 0, "text", DATE_TEXTS),
    ("to_timestamp", 1, "text", DATE_FORMATS),
    ("to_number", 0, "text", NUMBER_TEXTS),
    ("to_number", 1, "text", NUMBER_FORMATS),
    ("encode", 1, "text", ENCODINGS),
    ("decode", 0, "text", ENCODED),
    ("decode", 1, "text", ENCODINGS),
    ("convert", 1, "name", CHARACTER_SETS),
    ("convert", 2, "name", CHARACTER_SETS),
    ("convert_from", 1, "name", CHARACTER_SETS),
    ("convert_to", 1, "name", CHARACTER_SETS),
    ("length", 1, "name", CHARACTER_SETS),
    ("normalize", 1, "text", FORMS),
    ("is_normalized", 1, "text", FORMS),
    ("format", 0, "text", TEMPLATES),
    ("unistr", 0, "text", UNICODE),
    ("parse_ident", 0, "text", IDENTIFIERS),
    ("pg_size_bytes", 0, "text", SIZES),
    ("generate_series", 0, "int4", SMALL),
    ("generate_series", 1, "int4", SMALL),
    ("generate_series", 2, "int4", SMALL),
    ("generate_series", 0, "int8", SMALL),
    ("generate_series", 1, "int8", SMALL),
    ("generate_series", 2, "int8", SMALL),
    ("generate_series", 0, "numeric", SMALL),
    ("generate_series", 1, "numeric", SMALL),
    ("generate_series", 2, "numeric", SMALL),
    ("generate_series", 0, "timestamp", samples(&["2024-02-28", "2024-02-29"], &[])),
    ("generate_series", 1, "timestamp", samples(&["2024-03-02", "2024-02-27 12:00"], &[])),
    ("generate_series", 0, "timestamptz", samples(&["2024-03-30 12:00+01", "2024-02-29"], &[])),
    ("generate_series", 1, "timestamptz", samples(&["2024-04-02 00:00+02", "2024-02-27 12:00+00"], &[])),
    ("generate_series", 2, "interval", samples(&["1 day", "12:00", "-1 day"], &["0"])),
    ("make_date", 0, "int4", YEARS),
    ("make_timestamp", 0, "int4", YEARS),
    ("make_timestamptz", 0, "int4", YEARS),
    ("make_date", 1, "int4", PARTS),
    ("make_date", 2, "int4", PARTS),
    ("make_time", 0, "int4", PARTS),
    ("make_time", 1, "int4", PARTS),
    ("make_time", 2, "float8", SECONDS),
    ("make_timestamp", 1, "int4", PARTS),
    ("make_timestamp", 2, "int4", PARTS),
    ("make_timestamp", 3, "int4", PARTS),
    ("make_timestamp", 4, "int4", PARTS),
    ("make_timestamp", 5, "float8", SECONDS),
    ("make_timestamptz", 1, "int4", PARTS),
    ("make_timestamptz", 2, "int4", PARTS),
    ("make_timestamptz", 3, "int4", PARTS),
    ("make_timestamptz", 4, "int4", PARTS),
    ("make_timestamptz", 5, "float8", SECONDS),
    ("date_bin", 0, "interval", STRIDES),
    ("percentile_cont", 0, "float8", FRACTIONS),
    ("percentile_disc", 0, "float8", FRACTIONS),
    ("percentile_cont", 0, "_float8", samples(&["{0.5,0.25}", "{0,1}"], &["{}", "{NULL,2}"])),
    ("percentile_disc", 0, "_float8", samples(&["{0.5,0.25}", "{0,1}"], &["{}", "{NULL,2}"])),
    ("factorial", 0, "int8", FACTORIALS),
    ("width_bucket", 3, "int4", BUCKETS),
    ("round", 1, "int4", COUNTS),
    ("trunc", 1, "int4", COUNTS),
    ("->", 1, "text", KEYS),
    ("->>", 1, "text", KEYS),
    ("?", 1, "text", KEYS),
    ("-", 1, "text", KEYS),
    ("->", 1, "int4", COUNTS),
    ("->>", 1, "int4", COUNTS),
    ("-", 1, "_text", KEYS_ARRAY),
    ("?|", 1, "_text", KEYS_ARRAY),
    ("?&", 1, "_text", KEYS_ARRAY),
    ("#>", 1, "_text", PATHS),
    ("#>>", 1, "_text", PATHS),
    ("#-", 1, "_text", PATHS),
    ("jsonb_set", 1, "_text", PATHS),
    ("jsonb_set_lax", 1, "_text", PATHS),
    ("jsonb_insert", 1, "_text", PATHS),
    ("json_extract_path", 1, "_text", PATHS),
    ("json_extract_path_text", 1, "_text", PATHS),
    ("jsonb_extract_path", 1, "_text", PATHS),
    ("jsonb_extract_path_text", 1, "_text", PATHS),
    (
        "jsonb_set_lax",
        4,
        "text",
        samples(&["use_json_null", "return_target", "delete_key"], &["raise_exception", "x"]),
    ),
    ("array_fill", 1, "_int4", DIMENSIONS),
    ("array_fill", 2, "_int4", DIMENSIONS),
    ("array_length", 1, "int4", samples(&["1"], &["0", "2", "-1"])),
    ("array_lower", 1, "int4", samples(&["1"], &["0", "2"])),
    ("array_upper", 1, "int4", samples(&["1"], &["0", "2"])),
    ("generate_subscripts", 1, "int4", samples(&["1"], &["0", "2"])),
    ("trim_array", 1, "int4", samples(&["0", "1"], &["-1", "100"])),
    ("set_byte", 2, "int4", samples(&["0", "65", "255"], &["256", "-1"])),
    ("set_bit", 2, "int4", samples(&["0", "1"], &["2"])),
    ("lag", 1, "int4", samples(&["0", "1", "2"], &["-1", "100"])),
    ("lead", 1, "int4", samples(&["0", "1", "2"], &["-1", "100"])),
    ("nth_value", 1, "int4", samples(&["1", "2"], &["0", "100"])),
    ("ntile", 0, "int4", samples(&["1", "2", "3"], &["0", "100"])),
    ("<<", 1, "int4", samples(&["0", "1", "5"], &["31", "32", "63", "64", "-1"])),
    (">>", 1, "int4", samples(&["0", "1", "5"], &["31", "32", "63", "64", "-1"])),
    ("^@", 1, "text", samples(&["a", "Hel", "å"], &["", "abcd"])),
    ("starts_with", 1, "text", samples(&["a", "Hel", "å"], &["", "abcd"])),
];

const KEYS_ARRAY: Samples = samples(&["{a}", "{a,b}", "{zz,n}"], &["{}", "{NULL}"]);

/// The values of an argument.
pub fn of_argument(function: &str, index: usize, typname: &str, arguments: &[String]) -> Option<Samples> {
    if function == "to_char" && index == 1 {
        let numeric = ["int4", "int8", "numeric", "float4", "float8"];
        let is_number = arguments.first().is_some_and(|first| numeric.contains(&first.as_str()));
        return Some(if is_number { NUMBER_FORMATS } else { TIME_FORMATS });
    }
    BY_FUNCTION
        .iter()
        .find(|(name, at, of, _)| *name == function && *at == index && *of == typname)
        .map(|(.., samples)| *samples)
        .or_else(|| of_type(typname))
}

/// Text that `CAST(… AS type)` is tried with beside the type's own samples.
pub const TEXTS_FOR_CASTS: &[&str] = &[
    "",
    " ",
    "abc",
    "1",
    " 42 ",
    "1.5",
    "-7",
    "1e3",
    "0x10",
    "t",
    "yes",
    "2024-02-29",
    "12:30",
    "1 day",
    "{1,2}",
    "null",
];
