//! TABLESAMPLE, whose method is a function's name and whose arguments are any expressions.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{
    Adapter,
    marks::{SAMPLE, mark},
    space,
};

impl Adapter<'_> {
    /// Takes `TABLESAMPLE method (…) [REPEATABLE (…)]` over as one call. `false` if it is written otherwise.
    pub(super) fn table_sample(&mut self, token: &TokenWithSpan) -> bool {
        let mut end = 1;
        if !self.is_name(end) {
            return false;
        }
        while self.is_sign(end + 1, &Token::Period) && self.is_name(end + 2) {
            end += 2;
        }
        let method = 1..end + 1;
        let Some(arguments) = self.parenthesised(end + 1) else { return false };
        let mut last = arguments.end;
        let mut seed = None;
        if self.word(last + 1) == "repeatable" {
            let Some(written) = self.parenthesised(last + 2) else { return false };
            last = written.end;
            seed = Some(written);
        }
        let mut call = vec![
            (token.clone(), token.token.clone()),
            (token.clone(), space()),
            (token.clone(), Token::make_keyword("SYSTEM")),
            (token.clone(), Token::LParen),
            (token.clone(), mark(SAMPLE)),
            (token.clone(), Token::LParen),
        ];
        let written = |count: usize| {
            self.significant(count).map(|(_, written)| match &written.token {
                // A method's name is one whatever else it means.
                Token::Word(word) if method.contains(&count) => {
                    let name = Token::make_word(&unquoted_name(word.quote_style, &word.value), Some('"'));
                    (written.clone(), name)
                }
                other => (written.clone(), other.clone()),
            })
        };
        call.extend(method.clone().filter_map(written));
        call.extend([(token.clone(), Token::Comma), (token.clone(), mark(SAMPLE))]);
        for (index, part) in [Some(arguments), seed].into_iter().flatten().enumerate() {
            if index > 0 {
                call.push((token.clone(), Token::Comma));
            }
            for count in part.start..=part.end {
                call.extend(written(count));
                call.push((token.clone(), space()));
            }
        }
        call.extend([
            (token.clone(), Token::RParen),
            (token.clone(), Token::RParen),
            (token.clone(), space()),
        ]);
        self.skip_past(last);
        for (written, token) in call {
            self.push(&written, [token]);
        }
        true
    }

    /// From the parenthesis that stands at a place to the one that closes it.
    fn parenthesised(&self, start: usize) -> Option<std::ops::Range<usize>> {
        if !self.is_sign(start, &Token::LParen) || self.is_sign(start + 1, &Token::RParen) {
            return None;
        }
        let mut depth = 0_usize;
        let mut end = start;
        loop {
            match self.significant(end)?.1.token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => return Some(start..end),
                Token::RParen => depth -= 1,
                Token::EOF => return None,
                _ => {}
            }
            end += 1;
        }
    }
}

fn unquoted_name(quote: Option<char>, value: &str) -> String {
    if quote.is_some() { value.to_owned() } else { value.to_lowercase() }
}
