//! Takes out of a text what differs from run to run, so that the rest can be compared.

use std::sync::LazyLock;

use regex::Regex;

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"/[\w./-]*/lis-test-[\w.-]+", "DIR"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)?", "TIME"),
        (r"\b\d+(\.\d+)? ?(ms|µs|s)\b", "DURATION"),
    ]
    .into_iter()
    .filter_map(|(pattern, name)| Regex::new(pattern).ok().map(|regex| (regex, name)))
    .collect()
});

/// The text without ports, temporary directories, UUIDs, times and durations.
pub fn redact(text: &str) -> String {
    PATTERNS.iter().fold(text.to_owned(), |text, (regex, name)| regex.replace_all(&text, *name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_taken_out() {
        assert_eq!(PATTERNS.len(), 5, "every pattern is a regular expression");
        let text = "listening on 127.0.0.1:40123, data in /tmp/lis-test-a1B2/x at 2026-11-23 05:06:07.8+00 after 12 ms";
        assert_eq!(redact(text), "listening on 127.0.0.1:PORT, data in DIR/x at TIME after DURATION");
    }
}
