//! Reading INSERT, UPDATE, DELETE and MERGE, with or without WITH before them, and queries after a WITH that has them:
//! PostgreSQL's grammar on sqlparser's readers of expressions, queries and FROM items.

use std::collections::BTreeMap;

use sqlparser::{
    ast,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, TokenWithSpan},
};

use super::Reader;
use crate::{
    error::{SqlError, SqlErrorKind},
    keywords::{KeywordClass, keyword_class},
    modification::{
        AssignedColumn, Assignment, ConflictAction, ConflictTarget, Delete, Insert, Merge, MergeAction,
        MergeClause, Modification, ModificationKind, OnConflict, Target, Update,
    },
};

/// Whether the statement changes rows: one of the four words comes first, after the parenthesis that ends WITH, or after
/// one in which a query of WITH stands. What follows the statement's own closing parenthesis does not count.
pub(super) fn begins_modification(tokens: &[TokenWithSpan]) -> bool {
    let words: Vec<&Token> = tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    begins(&words, true)
}

/// `nested`: whether a query of WITH can have a WITH itself.
fn begins(words: &[&Token], nested: bool) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    if is_command(first) {
        return true;
    }
    if !is_word(first, Keyword::WITH) {
        return false;
    }
    let mut depth = 0_usize;
    let mut before = *first;
    for (index, token) in rest.iter().enumerate() {
        match token {
            Token::LParen => {
                let opens =
                    depth == 0 && (is_word(before, Keyword::AS) || is_word(before, Keyword::MATERIALIZED));
                let inside = rest.get(index + 1..).unwrap_or_default();
                if opens
                    && (inside.first().is_some_and(|token| is_command(token))
                        || nested && begins(inside, false))
                {
                    return true;
                }
                depth += 1;
            }
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            _ if depth == 0 && *before == Token::RParen && is_command(token) => return true,
            _ => {}
        }
        before = token;
    }
    false
}

fn is_word(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

/// What a WITH that changes rows inside another query is refused with.
pub(crate) fn not_at_the_top() -> SqlError {
    let message = "WITH clause containing a data-modifying statement must be at the top level";
    SqlError::new(SqlErrorKind::FeatureNotSupported, message)
}

fn is_command(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none()
        && matches!(word.keyword, Keyword::INSERT | Keyword::UPDATE | Keyword::DELETE | Keyword::MERGE))
}

impl<'a> Reader<'a> {
    /// A statement for which [`begins_modification`] holds.
    pub(super) fn modification(&mut self) -> Result<Modification, SqlError> {
        self.modification_at(true)
    }

    /// `outermost`: only then can queries of WITH change rows.
    fn modification_at(&mut self, outermost: bool) -> Result<Modification, SqlError> {
        let mut modifying = BTreeMap::new();
        let with = if self.parser.parse_keyword(Keyword::WITH) {
            let with_token = self.parser.get_current_token().clone().into();
            let recursive = self.parser.parse_keyword(Keyword::RECURSIVE);
            let mut cte_tables = Vec::new();
            loop {
                let (cte, modification) = self.with_query(outermost)?;
                modifying.extend(modification.map(|modification| (cte_tables.len(), modification)));
                cte_tables.push(cte);
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
            Some(ast::With { with_token, recursive, cte_tables })
        } else {
            None
        };
        let command = self.parser.peek_token();
        let keyword = match &command.token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        if matches!(keyword, Keyword::SELECT | Keyword::VALUES | Keyword::TABLE)
            || command.token == Token::LParen
        {
            return Ok(Modification { with, modifying, kind: ModificationKind::Query(self.query()?) });
        }
        let _command = self.parser.next_token();
        let kind = match keyword {
            Keyword::INSERT => ModificationKind::Insert(Box::new(self.insert()?)),
            Keyword::UPDATE => ModificationKind::Update(Box::new(self.update()?)),
            Keyword::DELETE => ModificationKind::Delete(Box::new(self.delete()?)),
            Keyword::MERGE => ModificationKind::Merge(Box::new(self.merge()?)),
            _ => return Err(self.near(&command)),
        };
        Ok(Modification { with, modifying, kind })
    }

    /// A query of WITH, or a modification with an empty query in its place.
    fn with_query(&mut self, outermost: bool) -> Result<(ast::Cte, Option<Modification>), SqlError> {
        let tokens: Vec<TokenWithSpan> = self.rest().collect();
        let opens = |token: &TokenWithSpan| {
            is_word(&token.token, Keyword::AS) || is_word(&token.token, Keyword::MATERIALIZED)
        };
        let opening = tokens.windows(2).position(|pair| opens(&pair[0]) && pair[1].token == Token::LParen);
        let modifies = opening.and_then(|opening| tokens.get(opening + 2..)).is_some_and(begins_modification);
        if !modifies {
            return Ok((self.read(Parser::parse_cte)?, None));
        }
        if !outermost {
            return Err(not_at_the_top().at(self.positions.of_span(self.parser.peek_token().span)));
        }
        let name = self.column_name()?;
        let columns = if self.parser.peek_token_ref().token == Token::LParen {
            let names = self.columns()?.into_iter();
            names.map(|column| ast::TableAliasColumnDef { name: column.name, data_type: None }).collect()
        } else {
            Vec::new()
        };
        self.expect(Keyword::AS)?;
        let materialized = if self.parser.parse_keyword(Keyword::MATERIALIZED) {
            Some(ast::CteAsMaterialized::Materialized)
        } else if self.parser.parse_keywords(&[Keyword::NOT, Keyword::MATERIALIZED]) {
            Some(ast::CteAsMaterialized::NotMaterialized)
        } else {
            None
        };
        self.expect_token(&Token::LParen)?;
        let modification = self.modification_at(false)?;
        self.expect_token(&Token::RParen)?;
        let closing_paren_token = self.parser.get_current_token().clone().into();
        let alias = ast::TableAlias { explicit: false, name, columns, at: None };
        let query = super::parse_query("select")?;
        Ok((ast::Cte { alias, query, from: None, materialized, closing_paren_token }, Some(modification)))
    }

    fn insert(&mut self) -> Result<Insert, SqlError> {
        self.expect(Keyword::INTO)?;
        let name = self.read(|parser| parser.parse_object_name(false))?;
        let alias = if self.parser.parse_keyword(Keyword::AS) { Some(self.column_name()?) } else { None };
        let target = Target { name, alias };
        let columns = if self.begins_columns() { self.columns()? } else { Vec::new() };
        self.overriding()?;
        let source = if self.parser.parse_keywords(&[Keyword::DEFAULT, Keyword::VALUES]) {
            None
        } else {
            Some(self.query()?)
        };
        let on_conflict =
            if self.parser.parse_keyword(Keyword::ON) { Some(self.on_conflict()?) } else { None };
        Ok(Insert { target, columns, source, on_conflict, returning: self.returning()? })
    }

    /// After ON.
    fn on_conflict(&mut self) -> Result<OnConflict, SqlError> {
        let begin = self.positions.of_span(self.parser.get_current_token().span);
        self.expect(Keyword::CONFLICT)?;
        let target = if self.parser.parse_keywords(&[Keyword::ON, Keyword::CONSTRAINT]) {
            ConflictTarget::Constraint(self.column_name()?)
        } else if self.parser.consume_token(&Token::LParen) {
            let items = self.read(|parser| parser.parse_comma_separated(Parser::parse_expr))?;
            self.expect_token(&Token::RParen)?;
            ConflictTarget::Columns { items, condition: self.condition()? }
        } else {
            ConflictTarget::Any
        };
        self.expect(Keyword::DO)?;
        if self.parser.parse_keyword(Keyword::NOTHING) {
            return Ok(OnConflict { target, action: ConflictAction::Nothing });
        }
        self.expect(Keyword::UPDATE)?;
        self.expect(Keyword::SET)?;
        let assignments = self.assignments()?;
        let condition = self.condition()?;
        if matches!(target, ConflictTarget::Any) {
            let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message)
                .with_hint("For example, ON CONFLICT (column_name).")
                .at(begin));
        }
        Ok(OnConflict { target, action: ConflictAction::Update { assignments, condition } })
    }

    /// WHERE, if it comes.
    fn condition(&mut self) -> Result<Option<Box<ast::Expr>>, SqlError> {
        if !self.parser.parse_keyword(Keyword::WHERE) {
            return Ok(None);
        }
        Ok(Some(Box::new(self.read(Parser::parse_expr)?)))
    }

    /// Whether the parenthesis that comes opens a list of columns, not a query.
    fn begins_columns(&self) -> bool {
        if self.parser.peek_token_ref().token != Token::LParen {
            return false;
        }
        let mut ahead = 1;
        while self.parser.peek_nth_token_ref(ahead).token == Token::LParen {
            ahead += 1;
        }
        !matches!(&self.parser.peek_nth_token_ref(ahead).token, Token::Word(word)
            if word.quote_style.is_none()
                && matches!(word.keyword, Keyword::SELECT | Keyword::VALUES | Keyword::TABLE | Keyword::WITH))
    }

    /// `OVERRIDING {SYSTEM | USER} VALUE` is about identity columns, which no table has.
    fn overriding(&mut self) -> Result<(), SqlError> {
        match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.value.eq_ignore_ascii_case("overriding") => {}
            _ => return Ok(()),
        }
        let _overriding = self.parser.next_token();
        if self.parser.parse_one_of_keywords(&[Keyword::SYSTEM, Keyword::USER]).is_none() {
            return Err(self.near_next());
        }
        self.expect(Keyword::VALUE)
    }

    fn update(&mut self) -> Result<Update, SqlError> {
        let target = self.target(&[Keyword::SET])?;
        self.expect(Keyword::SET)?;
        let assignments = self.assignments()?;
        let from =
            if self.parser.parse_keyword(Keyword::FROM) { self.parse_from_items()? } else { Vec::new() };
        let selection = self.where_clause()?;
        Ok(Update { target, assignments, from, selection, returning: self.returning()? })
    }

    fn delete(&mut self) -> Result<Delete, SqlError> {
        self.expect(Keyword::FROM)?;
        let target = self.target(&[Keyword::USING, Keyword::WHERE, Keyword::RETURNING])?;
        let using =
            if self.parser.parse_keyword(Keyword::USING) { self.parse_from_items()? } else { Vec::new() };
        let selection = self.where_clause()?;
        Ok(Delete { target, using, selection, returning: self.returning()? })
    }

    fn merge(&mut self) -> Result<Merge, SqlError> {
        self.expect(Keyword::INTO)?;
        let target = self.target(&[Keyword::USING])?;
        self.expect(Keyword::USING)?;
        let source = self.read(Parser::parse_table_and_joins)?;
        self.expect(Keyword::ON)?;
        let on = self.read(Parser::parse_expr)?;
        let mut clauses = Vec::new();
        loop {
            self.expect(Keyword::WHEN)?;
            let matched = !self.parser.parse_keyword(Keyword::NOT);
            self.expect(Keyword::MATCHED)?;
            let condition = if self.parser.parse_keyword(Keyword::AND) {
                Some(self.read(Parser::parse_expr)?)
            } else {
                None
            };
            self.expect(Keyword::THEN)?;
            let action = self.merge_action(matched)?;
            clauses.push(MergeClause { matched, condition, action });
            if !self.parser.peek_keyword(Keyword::WHEN) {
                return Ok(Merge { target, source, condition: on, clauses });
            }
        }
    }

    fn merge_action(&mut self, matched: bool) -> Result<MergeAction, SqlError> {
        if self.parser.parse_keywords(&[Keyword::DO, Keyword::NOTHING]) {
            return Ok(MergeAction::Nothing);
        }
        let next = self.parser.next_token();
        let keyword = match &next.token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        match (keyword, matched) {
            (Keyword::UPDATE, true) => {
                self.expect(Keyword::SET)?;
                Ok(MergeAction::Update(self.assignments()?))
            }
            (Keyword::DELETE, true) => Ok(MergeAction::Delete),
            (Keyword::INSERT, false) => {
                let columns = if self.parser.peek_token_ref().token == Token::LParen {
                    self.columns()?
                } else {
                    Vec::new()
                };
                self.overriding()?;
                if self.parser.parse_keywords(&[Keyword::DEFAULT, Keyword::VALUES]) {
                    return Ok(MergeAction::Insert { columns, values: None });
                }
                self.expect(Keyword::VALUES)?;
                self.expect_token(&Token::LParen)?;
                let values = self.read(|parser| parser.parse_comma_separated(Parser::parse_expr))?;
                self.expect_token(&Token::RParen)?;
                Ok(MergeAction::Insert { columns, values: Some(values) })
            }
            _ => Err(self.near(&next)),
        }
    }

    /// `[ONLY] name [*] [[AS] alias]`; an alias without AS is none of the words that may follow.
    fn target(&mut self, followers: &[Keyword]) -> Result<Target, SqlError> {
        let only = self.parser.parse_keyword(Keyword::ONLY);
        let parenthesised = only && self.parser.consume_token(&Token::LParen);
        let name = self.read(|parser| parser.parse_object_name(false))?;
        if parenthesised {
            self.expect_token(&Token::RParen)?;
        }
        // Tables have no children: with them and without them is the same.
        let _with_children = !only && self.parser.consume_token(&Token::Mul);
        let alias = if self.parser.parse_keyword(Keyword::AS) {
            Some(self.column_name()?)
        } else {
            match &self.parser.peek_token_ref().token {
                Token::Word(word) if word.quote_style.is_some() || !followers.contains(&word.keyword) => {
                    Some(self.column_name()?)
                }
                _ => None,
            }
        };
        Ok(Target { name, alias })
    }

    fn assignments(&mut self) -> Result<Vec<Assignment>, SqlError> {
        let mut assignments = Vec::new();
        loop {
            let several = self.parser.peek_token_ref().token == Token::LParen;
            let columns = if several { self.columns()? } else { vec![self.assigned_column()?] };
            self.expect_token(&Token::Eq)?;
            let value = self.read(Parser::parse_expr)?;
            assignments.push(Assignment { columns, several, value });
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(assignments);
            }
        }
    }

    fn columns(&mut self) -> Result<Vec<AssignedColumn>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let mut columns = vec![self.assigned_column()?];
        while self.parser.consume_token(&Token::Comma) {
            columns.push(self.assigned_column()?);
        }
        self.expect_token(&Token::RParen)?;
        Ok(columns)
    }

    /// A column that gets a value, or an element or a slice of it that does.
    fn assigned_column(&mut self) -> Result<AssignedColumn, SqlError> {
        if self.parser.peek_nth_token_ref(1).token == Token::LBracket {
            return self.assigned_element();
        }
        let name = self.column_name()?;
        if self.parser.consume_token(&Token::Period) {
            // PostgreSQL reads `t.a` as field `a` of a column `t`.
            let _field = self.column_name()?;
        }
        Ok(AssignedColumn { name, subscripts: Vec::new() })
    }

    /// `a[1]`, `a[1:2]`: sqlparser reads subscripts in expressions only.
    fn assigned_element(&mut self) -> Result<AssignedColumn, SqlError> {
        /// Above every operator that could follow.
        const TIGHT: u8 = 200;
        let next = self.parser.peek_token();
        let target = self.read(|parser| parser.parse_subexpr(TIGHT))?;
        let ast::Expr::CompoundFieldAccess { root, access_chain } = target else {
            return Err(self.near(&next));
        };
        let ast::Expr::Identifier(name) = *root else { return Err(self.near(&next)) };
        let mut subscripts = Vec::with_capacity(access_chain.len());
        for access in access_chain {
            match access {
                ast::AccessExpr::Subscript(subscript) => subscripts.push(subscript),
                ast::AccessExpr::Dot(_) => {
                    return Err(self.unsupported("assignment to a field of an element"));
                }
            }
        }
        Ok(AssignedColumn { name, subscripts })
    }

    /// A name that is no reserved word.
    fn column_name(&mut self) -> Result<ast::Ident, SqlError> {
        let next = self.parser.peek_token();
        match &next.token {
            Token::Word(word)
                if word.quote_style.is_none()
                    && keyword_class(&word.value.to_ascii_lowercase()) == Some(KeywordClass::Reserved) =>
            {
                Err(self.near(&next))
            }
            Token::Word(_) => self.read(Parser::parse_identifier),
            _ => Err(self.near(&next)),
        }
    }

    fn parse_from_items(&mut self) -> Result<Vec<ast::TableWithJoins>, SqlError> {
        self.read(|parser| parser.parse_comma_separated(Parser::parse_table_and_joins))
    }

    fn where_clause(&mut self) -> Result<Option<ast::Expr>, SqlError> {
        if !self.parser.parse_keyword(Keyword::WHERE) {
            return Ok(None);
        }
        let current_of = self.parser.peek_keyword(Keyword::CURRENT)
            && matches!(&self.parser.peek_nth_token_ref(1).token, Token::Word(word) if word.keyword == Keyword::OF);
        if current_of {
            return Err(self.unsupported("WHERE CURRENT OF"));
        }
        self.read(Parser::parse_expr).map(Some)
    }

    fn returning(&mut self) -> Result<Vec<ast::SelectItem>, SqlError> {
        if !self.parser.parse_keyword(Keyword::RETURNING) {
            return Ok(Vec::new());
        }
        self.read(|parser| parser.parse_comma_separated(Parser::parse_select_item))
    }

    fn expect(&mut self, keyword: Keyword) -> Result<(), SqlError> {
        if self.parser.parse_keyword(keyword) { Ok(()) } else { Err(self.near_next()) }
    }

    fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.parser.consume_token(token) { Ok(()) } else { Err(self.near_next()) }
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'a>) -> Result<T, sqlparser::parser::ParserError>,
    ) -> Result<T, SqlError> {
        read(&mut self.parser).map_err(|error| self.error(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::SqlErrorKind, parse, statement::Statement};

    fn modification(text: &str) -> Modification {
        match parse(text).unwrap().remove(0).statement {
            Statement::Modify(modification) => *modification,
            other => panic!("{text} is read as {other:?}"),
        }
    }

    fn error(text: &str) -> (SqlErrorKind, String) {
        let error = parse(text).unwrap_err();
        (error.kind, error.message)
    }

    #[test]
    fn aliases_and_what_may_follow_them() {
        let ModificationKind::Update(update) = modification("update s.t * set a = 1, (b, c) = (2, 3)").kind
        else {
            panic!()
        };
        assert!(update.target.alias.is_none());
        assert!(!update.assignments[0].several && update.assignments[1].several);
        let ModificationKind::Delete(delete) =
            modification("with x as (select 1) delete from t x using u where true returning *").kind
        else {
            panic!()
        };
        assert_eq!(delete.target.alias.unwrap().value, "x");
        assert_eq!((delete.using.len(), delete.returning.len()), (1, 1));
    }

    #[test]
    fn a_query_after_with_is_no_modification() {
        let parsed = parse("with update as (select 1), b (delete) as (select 2) select * from b").unwrap();
        assert!(matches!(parsed[0].statement, Statement::Query(_)));
    }

    #[test]
    fn merge_has_clauses_of_both_kinds() {
        let ModificationKind::Merge(merge) = modification(
            "merge into t using (values (1)) as s (a) on t.a = s.a when matched and s.a > 1 then do nothing \
             when matched then delete when not matched then insert (a) values (s.a)",
        )
        .kind
        else {
            panic!()
        };
        assert_eq!(merge.clauses.len(), 3);
        assert_eq!(
            error("merge into t using s on true when matched then insert values (1)").1,
            "syntax error at or near \"insert\""
        );
    }

    #[test]
    fn what_is_refused_says_so() {
        use SqlErrorKind::{FeatureNotSupported, SyntaxError};
        assert_eq!(error("insert into t values (1) on conflict do update set a = 1").0, SyntaxError);
        assert_eq!(error("insert into t overriding values (1)").0, SyntaxError);
        assert_eq!(error("delete from t where current of c").0, FeatureNotSupported);
        assert_eq!(error("update t set"), (SyntaxError, "syntax error at end of input".into()));
        assert_eq!(error("update t where a = 1"), (SyntaxError, "syntax error at or near \"where\"".into()));
    }
}
