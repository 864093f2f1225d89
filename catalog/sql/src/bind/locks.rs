//! FOR UPDATE and FOR SHARE. Nobody waits for anybody here: a transaction relies on the tables that it names, and cannot
//! commit changes if somebody else has changed one of them meanwhile (SQLSTATE 40001). So what it read to decide is
//! what there was when it committed, which is what the clause is for. SKIP LOCKED asks who else has locked what, which
//! nobody knows: it is refused.

use lis_lake::names::Identifier;
use sqlparser::ast;

use super::{Binder, Surroundings, calls::Calls};
use crate::{
    dialect::marks::{USING_ALIAS, is_mark},
    error::{SqlError, SqlErrorKind},
    names::identifier,
};

impl Binder<'_> {
    /// Notes what a locking clause names.
    pub(crate) fn lock(
        &self,
        lock: &ast::LockClause,
        body: &ast::SetExpr,
        surroundings: Surroundings<'_>,
    ) -> Result<(), SqlError> {
        let mut body = body;
        while let ast::SetExpr::Query(inner) = body {
            body = &inner.body;
        }
        let select = match body {
            ast::SetExpr::Select(select) => select,
            ast::SetExpr::Values(_) => return Err(cannot_lock(lock, "cannot be applied to VALUES")),
            _ => return Err(cannot_lock(lock, "is not allowed with UNION/INTERSECT/EXCEPT")),
        };
        let grouped = matches!(
            &select.group_by, ast::GroupByExpr::Expressions(items, _) if !items.is_empty()
        );
        if select.distinct.is_some() {
            return Err(cannot_lock(lock, "is not allowed with DISTINCT clause"));
        }
        if grouped {
            return Err(cannot_lock(lock, "is not allowed with GROUP BY clause"));
        }
        if select.having.is_some() {
            return Err(cannot_lock(lock, "is not allowed with HAVING clause"));
        }
        if lock.nonblock == Some(ast::NonBlock::SkipLocked) {
            return Err(cannot_lock(lock, "… SKIP LOCKED is not supported").with_hint(
                "No transaction knows what another has locked; of two that change the same rows, the second to \
                 commit fails with SQLSTATE 40001 and can be tried again.",
            ));
        }
        let only = lock.of.as_ref().and_then(|of| of.0.last()).and_then(ast::ObjectNamePart::as_ident);
        if let Some(of) = lock.of.as_ref().filter(|of| of.0.len() > 1) {
            let message = format!("{} must specify unqualified relation names", clause_name(lock));
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(self.name_position(of)));
        }
        let named = only.map(identifier);
        let mut found = false;
        for item in &select.from {
            if let (Some(name), Some(only)) = (&named, only)
                && names_join(item, name)
            {
                let position = self.position(only.span);
                return Err(cannot_lock(lock, "cannot be applied to a join").at(position));
            }
            found |= self.lock_joined(lock, item, named.as_ref(), surroundings)?;
        }
        match (&named, found) {
            (Some(name), false) => {
                let message = format!(
                    "relation \"{}\" in {} clause not found in FROM clause",
                    name.as_str(),
                    clause_name(lock)
                );
                let position = only.and_then(|ident| self.position(ident.span));
                Err(SqlError::new(SqlErrorKind::UndefinedTable, message).at(position))
            }
            _ => Ok(()),
        }
    }

    fn lock_joined(
        &self,
        lock: &ast::LockClause,
        item: &ast::TableWithJoins,
        named: Option<&Identifier>,
        surroundings: Surroundings<'_>,
    ) -> Result<bool, SqlError> {
        use ast::JoinOperator as J;
        let nullable = |right: bool| {
            item.joins.iter().any(|join| match &join.join_operator {
                J::FullOuter(_) => true,
                J::Left(_) | J::LeftOuter(_) => right,
                J::Right(_) | J::RightOuter(_) => !right,
                _ => false,
            })
        };
        let mut found = false;
        let factors = std::iter::once((&item.relation, false))
            .chain(item.joins.iter().map(|join| (&join.relation, true)));
        for (factor, right) in factors {
            let locked = self.lock_factor(lock, factor, named, surroundings)?;
            if locked && nullable(right) {
                return Err(cannot_lock(lock, "cannot be applied to the nullable side of an outer join"));
            }
            found |= locked;
        }
        Ok(found)
    }

    fn lock_factor(
        &self,
        lock: &ast::LockClause,
        factor: &ast::TableFactor,
        named: Option<&Identifier>,
        surroundings: Surroundings<'_>,
    ) -> Result<bool, SqlError> {
        let is_meant = |name: &Identifier| named.is_none_or(|named| named == name);
        let what = match factor {
            ast::TableFactor::Table { name, alias, args: None, .. } => {
                let parts: Vec<Identifier> =
                    name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
                let shown = alias.as_ref().map(|alias| identifier(&alias.name)).or(parts.last().cloned());
                if !shown.as_ref().is_some_and(is_meant) {
                    return Ok(false);
                }
                if parts.len() > 1 || !self.is_cte(parts.first(), surroundings) {
                    let relation = self.find_relation(&parts, self.name_position(name))?;
                    self.shared.locks.borrow_mut().insert(relation.oid);
                    return Ok(true);
                }
                "a WITH query"
            }
            ast::TableFactor::Derived { subquery, alias, .. } => {
                let shown = alias.as_ref().map(|alias| identifier(&alias.name));
                if named.is_some() && !shown.as_ref().is_some_and(is_meant) {
                    return Ok(false);
                }
                let ast::SetExpr::Select(_) = subquery.body.as_ref() else { return Ok(named.is_some()) };
                let all = ast::LockClause { of: None, ..lock.clone() };
                self.lock(&all, &subquery.body, surroundings)?;
                return Ok(true);
            }
            ast::TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.lock_joined(lock, table_with_joins, named, surroundings);
            }
            ast::TableFactor::Table { alias: Some(alias), .. }
            | ast::TableFactor::Function { alias: Some(alias), .. }
                if is_meant(&identifier(&alias.name)) =>
            {
                "a function"
            }
            _ => return Ok(false),
        };
        match named {
            Some(_) => {
                let only =
                    lock.of.as_ref().and_then(|of| of.0.last()).and_then(ast::ObjectNamePart::as_ident);
                let position = only.and_then(|ident| self.position(ident.span));
                Err(cannot_lock(lock, &format!("cannot be applied to {what}")).at(position))
            }
            None => Ok(false),
        }
    }
}

/// Whether a name is one that a join has: `(a JOIN b …) AS name`, `USING (…) AS name`.
fn names_join(item: &ast::TableWithJoins, name: &Identifier) -> bool {
    use ast::{JoinConstraint as C, JoinOperator as J};
    let of_factor = |factor: &ast::TableFactor| match factor {
        ast::TableFactor::NestedJoin { table_with_joins, alias } => {
            alias.as_ref().is_some_and(|alias| identifier(&alias.name) == *name)
                || names_join(table_with_joins, name)
        }
        _ => false,
    };
    let of_using = |join: &ast::Join| match &join.join_operator {
        J::Join(C::Using(names))
        | J::Inner(C::Using(names))
        | J::Left(C::Using(names))
        | J::LeftOuter(C::Using(names))
        | J::Right(C::Using(names))
        | J::RightOuter(C::Using(names))
        | J::FullOuter(C::Using(names)) => names.iter().any(|using| match using.0.as_slice() {
            [ast::ObjectNamePart::Identifier(marked), ast::ObjectNamePart::Identifier(alias)] => {
                is_mark(marked, USING_ALIAS) && identifier(alias) == *name
            }
            _ => false,
        }),
        _ => false,
    };
    of_factor(&item.relation) || item.joins.iter().any(|join| of_factor(&join.relation) || of_using(join))
}

/// What is grouped, windowed or unnested has no rows of a table any more.
pub(crate) fn check_lockable(lock: &ast::LockClause, calls: &Calls) -> Result<(), SqlError> {
    let what = if !calls.aggregates.borrow().is_empty() || !calls.groupings.borrow().is_empty() {
        "aggregate functions"
    } else if !calls.windows.borrow().is_empty() {
        "window functions"
    } else if !calls.sets.borrow().is_empty() {
        "set-returning functions in the target list"
    } else {
        return Ok(());
    };
    Err(cannot_lock(lock, &format!("is not allowed with {what}")))
}

fn clause_name(lock: &ast::LockClause) -> &'static str {
    match lock.lock_type {
        ast::LockType::Update => "FOR UPDATE",
        ast::LockType::Share => "FOR SHARE",
    }
}

fn cannot_lock(lock: &ast::LockClause, why: &str) -> SqlError {
    SqlError::new(SqlErrorKind::FeatureNotSupported, format!("{} {why}", clause_name(lock)))
}
