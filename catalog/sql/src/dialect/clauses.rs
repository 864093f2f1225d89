//! Clauses: the forms of SELECT's clauses that sqlparser has not.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use super::{
    Adapter, NOT_A_RELATION, Parenthesis, ends_expression, is_keyword,
    marks::{
        ALL_FIELDS, DISTINCT_SETS, EXCLUDE_CURRENT_ROW, EXCLUDE_GROUP, EXCLUDE_TIES, NO_ALIAS, NOTHING,
        ROWS_FROM, TIES, USING_ALIAS, VARIADIC, mark,
    },
    space, unquoted,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    keywords::{KeywordClass, keyword_class},
};

impl Adapter<'_> {
    /// Takes a token over that begins a form of a clause which sqlparser has not. `false` if it does not.
    pub(super) fn clause(&mut self, token: &TokenWithSpan) -> Result<bool, SqlError> {
        let word = unquoted(&token.token);
        match word.as_str() {
            // FOR SELECT and GRANT SELECT are no queries.
            "select" if !self.after_privilege() && !is_keyword(self.previous.as_ref(), Keyword::AS) => {
                self.select_of_nothing(token)
            }
            "table" if self.begins_query() && self.names_table() => {
                self.check_behind_table()?;
                let all = ["SELECT", "*", "FROM"].map(|word| match word {
                    "*" => Token::Mul,
                    keyword => Token::make_keyword(keyword),
                });
                Ok(self.replace(token, all.into_iter().flat_map(|word| [word, space()])))
            }
            // ALTER TABLE has an expression after USING.
            "using" if !self.begins_with("alter") => self.order_using(token),
            "fetch" if self.previous.is_some() => Ok(self.fetch_first(token)),
            "by" if is_keyword(self.previous.as_ref(), Keyword::GROUP) => Ok(self.group_by(token)),
            "only" if !self.word(1).is_empty() || self.is_sign(1, &Token::LParen) => Ok(self.only(token)),
            "rows" | "range" | "groups" if self.begins_frame() => Ok(self.frame(token)),
            "exclude" if self.in_frame() => Ok(self.exclusion()),
            "similar" if self.word(1) != "to" && self.parentheses.last() == Some(&Parenthesis::Substring) => {
                if let Some(last) = self.parentheses.last_mut() {
                    *last = Parenthesis::SubstringSimilar;
                }
                Ok(self.replace(token, [Token::Comma]))
            }
            "escape" if self.parentheses.last() == Some(&Parenthesis::SubstringSimilar) => {
                Ok(self.replace(token, [Token::Comma]))
            }
            "rows" if self.begins_rows_from() => {
                self.skip_past(1);
                self.push(token, [mark(ROWS_FROM)]);
                Ok(true)
            }
            "variadic" if matches!(self.previous, Some(Token::LParen | Token::Comma)) => {
                Ok(self.replace(token, [mark(VARIADIC), space(), Token::RArrow]))
            }
            "as" if self.previous == Some(Token::RParen) && self.defines_columns() => {
                Ok(self.replace(token, [token.token.clone(), space(), mark(NO_ALIAS)]))
            }
            "search" | "cycle" if self.previous == Some(Token::RParen) => self.search_or_cycle(token, &word),
            // Every query without a lock is.
            "for" if self.word(1) == "read" && self.word(2) == "only" => {
                self.skip_past(2);
                Ok(true)
            }
            "for" => Ok(self.key_lock(token)),
            "document" if self.after_is() => {
                let error = SqlError::new(SqlErrorKind::FeatureNotSupported, "IS DOCUMENT is not supported");
                Err(error.at((self.position)(token)))
            }
            "tablesample" => Ok(self.table_sample(token)),
            "asymmetric" if is_keyword(self.previous.as_ref(), Keyword::BETWEEN) => {
                self.index += 1;
                Ok(true)
            }
            "collation" if self.word(1) == "for" && self.is_sign(2, &Token::LParen) => {
                self.skip_past(1);
                self.push(token, [Token::make_word("pg_collation_for", Some('"'))]);
                Ok(true)
            }
            _ if token.token == Token::Mul && self.follows_table() => {
                self.index += 1;
                Ok(true)
            }
            _ if token.token == Token::RParen => Ok(self.using_alias(token)),
            // (x).*
            _ if token.token == Token::Period
                && self.previous == Some(Token::RParen)
                && self.is_sign(1, &Token::Mul) =>
            {
                self.skip_past(1);
                self.push(token, [Token::Period, mark(ALL_FIELDS)]);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether the statement's first word is this one.
    pub(super) fn begins_with(&self, word: &str) -> bool {
        let first = self.tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
        first.is_some_and(|first| unquoted(&first.token) == word)
    }

    /// Behind `IS` or `IS NOT`.
    fn after_is(&self) -> bool {
        let before = self.adapted.iter().rev().map(|token| &token.token);
        let mut significant = before.filter(|token| !matches!(token, Token::Whitespace(_)));
        let last = significant.next();
        is_keyword(last, Keyword::IS)
            || (is_keyword(last, Keyword::NOT) && is_keyword(significant.next(), Keyword::IS))
    }

    /// Whether `*` here says that a table is meant with its children: `FROM t *`.
    fn follows_table(&self) -> bool {
        let mut before = self.adapted.iter().rev().map(|token| &token.token);
        let mut significant = || before.find(|token| !matches!(token, Token::Whitespace(_)));
        if !matches!(significant(), Some(Token::Word(_))) {
            return false;
        }
        let mut token = significant();
        while token == Some(&Token::Period) {
            significant();
            token = significant();
        }
        let item = [Keyword::FROM, Keyword::JOIN].into_iter().any(|word| is_keyword(token, word));
        let next = self.significant(1).map(|(_, next)| &next.token);
        // `extract(day FROM a * b)` and `substring(a FROM b * c)` go on with an operand; an alias is only told from one
        // outside all parentheses.
        item && match next {
            Some(Token::Word(alias))
                if self.parentheses.is_empty()
                    && (alias.quote_style.is_some()
                        || keyword_class(&alias.value.to_ascii_lowercase()).is_none()) =>
            {
                true
            }
            None | Some(Token::EOF | Token::SemiColon | Token::Comma | Token::RParen) => true,
            Some(next) => {
                NOT_A_RELATION.iter().any(|word| is_keyword(Some(next), *word))
                    || [
                        Keyword::AS,
                        Keyword::JOIN,
                        Keyword::CROSS,
                        Keyword::NATURAL,
                        Keyword::LEFT,
                        Keyword::RIGHT,
                        Keyword::FULL,
                        Keyword::INNER,
                        Keyword::ON,
                        Keyword::FOR,
                        Keyword::RETURNING,
                    ]
                    .into_iter()
                    .any(|word| is_keyword(Some(next), word))
            }
        }
    }

    /// Whether `ROWS FROM (f(` begins here, an item of FROM. (`SELECT rows FROM (SELECT …)` has a column of that name.)
    fn begins_rows_from(&self) -> bool {
        let item = [Keyword::FROM, Keyword::JOIN, Keyword::LATERAL]
            .into_iter()
            .any(|word| is_keyword(self.previous.as_ref(), word))
            || self.previous == Some(Token::Comma);
        item && self.word(1) == "from"
            && self.is_sign(2, &Token::LParen)
            && !matches!(self.word(3).as_str(), "" | "select" | "values" | "with" | "table")
    }

    /// Whether the word that comes can be a relation's name.
    fn names_table(&self) -> bool {
        self.significant(1).is_some_and(|(_, next)| match &next.token {
            Token::Word(word) => {
                word.quote_style.is_some()
                    || word.keyword == Keyword::ONLY
                    || keyword_class(&word.value.to_ascii_lowercase()) != Some(KeywordClass::Reserved)
            }
            _ => false,
        })
    }

    /// `TABLE t` has no clauses but those of any query.
    fn check_behind_table(&self) -> Result<(), SqlError> {
        const BEHIND: &[&str] = &[
            "except",
            "fetch",
            "for",
            "intersect",
            "limit",
            "offset",
            "on",
            "order",
            "returning",
            "union",
            "with",
        ];
        let mut end = if self.word(1) == "only" { 2 } else { 1 };
        while self.is_name(end) && self.is_sign(end + 1, &Token::Period) {
            end += 2;
        }
        end += 1;
        if self.is_sign(end, &Token::Mul) {
            end += 1;
        }
        match self.significant(end) {
            Some((_, next))
                if matches!(next.token, Token::Word(_))
                    && !BEHIND.contains(&unquoted(&next.token).as_str()) =>
            {
                Err(self.syntax_error(next))
            }
            _ => Ok(()),
        }
    }

    /// Whether a query may stand here, and a word TABLE that begins one: `TABLE t` is `SELECT * FROM t`.
    fn begins_query(&self) -> bool {
        let before = [
            Keyword::AS,
            Keyword::UNION,
            Keyword::EXCEPT,
            Keyword::INTERSECT,
            Keyword::ALL,
            Keyword::DISTINCT,
            Keyword::EXPLAIN,
            Keyword::ANALYZE,
            Keyword::VERBOSE,
            Keyword::FOR,
        ];
        match &self.previous {
            // REINDEX (…) TABLE t
            Some(Token::RParen) => !self.begins_with("reindex"),
            None | Some(Token::LParen) => true,
            Some(previous) => {
                self.begins_with("insert") || before.into_iter().any(|word| is_keyword(Some(previous), word))
            }
        }
    }

    fn replace(&mut self, token: &TokenWithSpan, tokens: impl IntoIterator<Item = Token>) -> bool {
        self.index += 1;
        self.push(token, tokens);
        true
    }

    fn after_privilege(&self) -> bool {
        [Keyword::FOR, Keyword::GRANT, Keyword::REVOKE]
            .into_iter()
            .any(|word| is_keyword(self.previous.as_ref(), word))
    }

    /// `SELECT` without a list: a mark stands for it. After DISTINCT there must be one.
    fn select_of_nothing(&mut self, token: &TokenWithSpan) -> Result<bool, SqlError> {
        let distinct = self.word(1) == "distinct";
        let all = self.word(1) == "all";
        let next = self.significant(if distinct || all { 2 } else { 1 });
        let nothing = match next.map(|(_, next)| &next.token) {
            None | Some(Token::EOF | Token::RParen | Token::SemiColon) => true,
            Some(next) => matches!(
                unquoted(next).as_str(),
                "from"
                    | "where"
                    | "group"
                    | "having"
                    | "window"
                    | "union"
                    | "intersect"
                    | "except"
                    | "order"
                    | "limit"
                    | "offset"
                    | "fetch"
                    | "for"
            ),
        };
        if !nothing {
            return Ok(false);
        }
        if distinct {
            return match next {
                Some((_, next)) if next.token != Token::EOF => Err(self.syntax_error(next)),
                _ => Ok(false),
            };
        }
        self.skip_past(usize::from(all));
        self.push(token, [token.token.clone(), space(), mark(NOTHING), space()]);
        Ok(true)
    }

    /// `ORDER BY x USING <` is `ORDER BY x ASC`, and `>` DESC. Nothing else orders.
    fn order_using(&mut self, token: &TokenWithSpan) -> Result<bool, SqlError> {
        let Some((_, next)) = self.significant(1) else { return Ok(false) };
        let (sign, end) = match &next.token {
            Token::Word(_) if unquoted(&next.token) == "operator" => {
                // OPERATOR(pg_catalog.<)
                let Some((_, sign)) = self.significant(5) else { return Ok(false) };
                (sign, 6)
            }
            Token::LParen | Token::Word(_) | Token::EOF => return Ok(false),
            _ => (next, 1),
        };
        let direction = match &sign.token {
            Token::Lt => "ASC",
            Token::Gt => "DESC",
            other => {
                let message = format!("operator {other} is not a valid ordering operator");
                return Err(SqlError::new(SqlErrorKind::WrongObjectType, message)
                    .with_hint(
                        "Ordering operators must be \"<\" or \">\" members of btree operator families.",
                    )
                    .at((self.position)(sign)));
            }
        };
        self.skip_past(end);
        self.push(token, [Token::make_keyword(direction)]);
        Ok(true)
    }

    /// `FETCH FIRST n ROWS ONLY` is `LIMIT (n)`; WITH TIES is marked.
    fn fetch_first(&mut self, token: &TokenWithSpan) -> bool {
        if !matches!(self.word(1).as_str(), "first" | "next") {
            return false;
        }
        let mut end = 2;
        let mut depth = 0_i32;
        loop {
            let Some((_, next)) = self.significant(end) else { return false };
            match &next.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                Token::EOF => return false,
                other if depth == 0 && matches!(unquoted(other).as_str(), "row" | "rows") => break,
                _ => {}
            }
            end += 1;
        }
        let (last, ties) = match (self.word(end + 1).as_str(), self.word(end + 2).as_str()) {
            ("only", _) => (end + 1, false),
            ("with", "ties") => (end + 2, true),
            _ => return false,
        };
        let mut limit = vec![(token.clone(), Token::make_keyword("LIMIT")), (token.clone(), space())];
        if ties {
            limit.push((token.clone(), mark(TIES)));
        }
        limit.push((token.clone(), Token::LParen));
        if end == 2 {
            limit.push((token.clone(), Token::Number("1".to_owned(), false)));
        }
        for count in 2..end {
            if let Some((_, written)) = self.significant(count) {
                limit.push((written.clone(), written.token.clone()));
                limit.push((written.clone(), space()));
            }
        }
        limit.push((token.clone(), Token::RParen));
        limit.push((token.clone(), space()));
        self.skip_past(last);
        for (written, token) in limit {
            self.push(&written, [token]);
        }
        true
    }

    /// `GROUP BY DISTINCT` gets a mark for its first item; `GROUP BY ALL` before items says nothing.
    fn group_by(&mut self, token: &TokenWithSpan) -> bool {
        match self.word(1).as_str() {
            "distinct" => {
                self.skip_past(1);
                self.push(token, [token.token.clone(), space(), mark(DISTINCT_SETS), Token::Comma]);
                true
            }
            "all" if self.significant(2).is_some_and(|(_, next)| next.token != Token::EOF) => {
                self.skip_past(1);
                self.push(token, [token.token.clone(), space()]);
                true
            }
            _ => false,
        }
    }

    /// `ONLY t`: no table has children.
    fn only(&mut self, token: &TokenWithSpan) -> bool {
        let before_table = [Keyword::FROM, Keyword::JOIN, Keyword::UPDATE, Keyword::INTO, Keyword::LATERAL]
            .into_iter()
            .any(|word| is_keyword(self.previous.as_ref(), word))
            || self.previous == Some(Token::Comma);
        if !before_table {
            return false;
        }
        if !self.is_sign(1, &Token::LParen) {
            self.index += 1;
            return true;
        }
        // ONLY (t) and ONLY (s.t)
        let mut end = 2;
        while self
            .significant(end)
            .is_some_and(|(_, next)| matches!(next.token, Token::Word(_) | Token::Period))
        {
            end += 1;
        }
        if !self.is_sign(end, &Token::RParen) {
            return false;
        }
        for count in 2..end {
            if let Some((_, written)) = self.significant(count) {
                let written = written.clone();
                self.push(&written, [written.token.clone()]);
            }
        }
        self.push(token, [space()]);
        self.skip_past(end);
        true
    }

    /// Whether a string stands before PRECEDING or FOLLOWING, or before `::type PRECEDING`.
    pub(super) fn is_frame_offset(&self, token: &TokenWithSpan) -> bool {
        let ends = |word: &str| matches!(word, "preceding" | "following");
        matches!(token.token, Token::SingleQuotedString(_))
            && [Keyword::ROWS, Keyword::RANGE, Keyword::GROUPS, Keyword::BETWEEN, Keyword::AND]
                .into_iter()
                .any(|word| is_keyword(self.previous.as_ref(), word))
            && (ends(&self.word(1)) || (self.is_sign(1, &Token::DoubleColon) && ends(&self.word(3))))
    }

    fn in_frame(&self) -> bool {
        [Keyword::ROW, Keyword::PRECEDING, Keyword::FOLLOWING]
            .into_iter()
            .any(|word| is_keyword(self.previous.as_ref(), word))
    }

    /// Whether a frame begins here: in the parentheses of a window.
    fn begins_frame(&self) -> bool {
        matches!(self.word(1).as_str(), "between" | "unbounded" | "current")
            || self.words_of_frame().any(|word| matches!(word.as_str(), "preceding" | "following"))
    }

    /// The words from here to the end of the window's parentheses; empty for what is no word.
    fn words_of_frame(&self) -> impl Iterator<Item = String> {
        let mut depth = 0_i32;
        self.tokens.iter().skip(self.index).map_while(move |written| {
            match written.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            (depth >= 0 && written.token != Token::EOF).then(|| match depth {
                0 => unquoted(&written.token),
                _ => String::new(),
            })
        })
    }

    /// A frame that leaves out rows: the mark stands before it, as the last of what the window is ordered by.
    fn frame(&mut self, token: &TokenWithSpan) -> bool {
        let words: Vec<String> = self.words_of_frame().filter(|word| !word.is_empty()).collect();
        let excluded = words.iter().position(|word| word == "exclude");
        let following = excluded.and_then(|at| words.get(at + 1)).map_or("", String::as_str);
        let exclusion = match following {
            "current" => EXCLUDE_CURRENT_ROW,
            "group" => EXCLUDE_GROUP,
            "ties" => EXCLUDE_TIES,
            _ => return false,
        };
        let before = self.words_of_window();
        if before.iter().any(|word| matches!(word.as_str(), "order" | "partition")) {
            self.push(token, [Token::Comma, mark(exclusion), space()]);
        } else {
            let (partition, by) = (Token::make_keyword("PARTITION"), Token::make_keyword("BY"));
            self.push(token, [space(), partition, space(), by, space(), mark(exclusion), space()]);
        }
        self.replace(token, [token.token.clone()])
    }

    /// The words that stand in the parentheses of a window before what comes.
    fn words_of_window(&self) -> Vec<String> {
        let mut depth = 0_i32;
        let mut words = Vec::new();
        for written in self.tokens.iter().take(self.index).rev() {
            match written.token {
                Token::RParen => depth += 1,
                Token::LParen if depth == 0 => break,
                Token::LParen => depth -= 1,
                _ if depth == 0 => words.push(unquoted(&written.token)),
                _ => {}
            }
        }
        words
    }

    /// What a frame leaves out is told by a mark before it.
    fn exclusion(&mut self) -> bool {
        let last = match (self.word(1).as_str(), self.word(2).as_str()) {
            ("no", "others") | ("current", "row") => 2,
            ("group" | "ties", _) => 1,
            _ => return false,
        };
        self.skip_past(last);
        true
    }

    /// Whether `AS (` begins a list of column definitions: a name and a type come first.
    fn defines_columns(&self) -> bool {
        self.is_sign(1, &Token::LParen)
            && self.significant(2).is_some_and(|(_, first)| {
                matches!(first.token, Token::Word(_))
                    && !matches!(
                        unquoted(&first.token).as_str(),
                        "select" | "values" | "with" | "table" | "insert" | "update" | "delete" | "merge"
                    )
            })
            && self.significant(3).is_some_and(|(_, second)| matches!(second.token, Token::Word(_)))
    }

    /// `FOR NO KEY UPDATE` and `FOR KEY SHARE` are read as the stronger locks: a table is what all of them rely on.
    fn key_lock(&mut self, token: &TokenWithSpan) -> bool {
        let words = [self.word(1), self.word(2), self.word(3)];
        let (end, lock) = match words.each_ref().map(String::as_str) {
            ["no", "key", "update"] => (3, "UPDATE"),
            ["key", "share", _] => (2, "SHARE"),
            _ => return false,
        };
        if !ends_expression(self.previous.as_ref()) {
            return false;
        }
        self.skip_past(end);
        self.push(token, [token.token.clone(), space(), Token::make_keyword(lock)]);
        true
    }

    /// `JOIN … USING (a, b) AS x`: the alias becomes a marked member of the list.
    fn using_alias(&mut self, token: &TokenWithSpan) -> bool {
        if self.parentheses.last() != Some(&Parenthesis::UsingNames) || self.word(1) != "as" {
            return false;
        }
        let Some((_, alias)) = self.significant(2) else { return false };
        if !matches!(alias.token, Token::Word(_)) {
            return false;
        }
        let alias = alias.clone();
        self.skip_past(2);
        self.push(token, [Token::Comma, space(), mark(USING_ALIAS), Token::Period]);
        self.push(&alias, [alias.token.clone()]);
        self.push(token, [token.token.clone()]);
        true
    }
}
