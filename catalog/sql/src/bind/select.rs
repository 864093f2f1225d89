//! SELECT: the clauses in the order in which they mean something.

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        Column,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan, expr::Sort as SortExpr, lit},
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    Binder, Bound, BoundColumn, Surroundings, Unknowns,
    aggregates::Grouped,
    all_columns,
    attachments::{Attachment, Attachments},
    calls::{Call, Calls, Reference, SetCall},
    expressions::chain,
    filter,
    locks::check_lockable,
    not_postgresql,
    order::{order_items, sort_of, sorted},
    place::{Clause, Place},
    plan_error, project,
    set_operations::row_number,
    subqueries::filtered,
    table_functions::{numbers, unnested},
    unsupported,
    windows::{windowed, with_keys},
};
use crate::{
    dialect::marks::{NOTHING, is_all_fields, is_mark_expression},
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope, identifier},
    output::column_name,
    types::{
        Typed,
        ordering::{check_equality, order_key, partition_key},
        records, settle_unknown,
    },
};

/// How many columns a SELECT list has at most, as in PostgreSQL.
const ITEMS_MAX: usize = 1664;

/// A column of the SELECT list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) typed: Typed,
}

/// A key of ORDER BY.
#[derive(Debug)]
struct Key {
    /// The SELECT list's column, if it is one.
    output: Option<usize>,
    typed: Typed,
    options: ast::OrderByOptions,
    position: Option<usize>,
    /// The column by which a window ordered the rows already, if one did.
    computed: Option<Expr>,
}

impl Key {
    /// A number that is not shown.
    fn of_number(column: Column, arrow_type: DataType) -> Self {
        let typed = Typed::new(Expr::Column(column), ColumnType::plain(PgType::Int8), arrow_type);
        Self { output: None, typed, options: ast::OrderByOptions::default(), position: None, computed: None }
    }
}

/// What windows are partitioned and ordered by, and the columns that have it. The SELECT list and ORDER BY take it from
/// there, for the engine to see that the rows are sorted as the windows sorted them: among equal rows they stay in the order
/// that the windows counted them in, as in PostgreSQL.
struct Computed(Vec<(Expr, Column)>);

impl Computed {
    /// The column that has an expression's value.
    fn column(&self, expr: &Expr) -> Option<Expr> {
        let found = self.0.iter().find(|(known, _)| known == expr && !expr.is_volatile())?;
        Some(Expr::Column(found.1.clone()))
    }

    /// The column that has what a value is ordered by.
    fn order_of(&self, typed: &Typed) -> Result<Option<Expr>, SqlError> {
        if self.0.is_empty() { Ok(None) } else { Ok(self.column(&order_key(typed.clone())?.expr)) }
    }

    /// An expression over these columns, where it has parts that they have.
    fn reused(&self, expr: Expr) -> Result<Expr, SqlError> {
        if self.0.is_empty() {
            return Ok(expr);
        }
        let reused = expr.transform_down(|part| {
            Ok(match self.column(&part) {
                Some(column) => Transformed::new(column, true, TreeNodeRecursion::Jump),
                None => Transformed::no(part),
            })
        });
        reused.map(|reused| reused.data).map_err(plan_error)
    }
}

impl Binder<'_> {
    /// Binds a SELECT with the ORDER BY that follows it.
    pub(crate) fn select(
        &self,
        select: &ast::Select,
        order_by: Option<&ast::OrderBy>,
        lock: Option<&ast::LockClause>,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        check_clauses(select)?;
        if let Some(into) = &select.into {
            return Err(self.misplaced_into(into, "SELECT ... INTO is not allowed here"));
        }
        self.from_names.borrow_mut().push(Vec::new());
        let bound = self.select_within(select, order_by, lock, surroundings, unknowns);
        self.from_names.borrow_mut().pop();
        bound
    }

    /// INTO in a place where it makes no table.
    pub(super) fn misplaced_into(&self, into: &ast::SelectInto, message: &str) -> SqlError {
        SqlError::new(SqlErrorKind::SyntaxError, message).at(self.name_position(&into.name))
    }

    fn select_within(
        &self,
        select: &ast::Select,
        order_by: Option<&ast::OrderBy>,
        lock: Option<&ast::LockClause>,
        surroundings: Surroundings<'_>,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        let from = self.sources(&select.from, surroundings)?;
        let namespace = from.namespace;
        let scope = Scope::new(&namespace, surroundings.outer);
        let calls = Calls { named_windows: select.named_window.clone(), ..Calls::default() };
        let after = Attachments::default();
        let place = Place {
            scope,
            ctes: surroundings.ctes,
            clause: Clause::SelectList,
            calls: Some(&calls),
            attachments: Some(&after),
        };
        let mut plan = match self.where_clause(from.plan, select.selection.as_ref(), place) {
            Ok(plan) => plan,
            Err(error) => {
                // PostgreSQL looks at the SELECT list first.
                self.items(&select.projection, place)?;
                return Err(error);
            }
        };
        let mut items = self.items(&select.projection, place)?;
        let group_place = Place { clause: Clause::GroupBy, attachments: Some(&calls.before), ..place };
        let references = calls.references.borrow().len();
        let group_by = self.group_by(&select.group_by, &items, group_place)?;
        calls.references.borrow_mut().truncate(references);
        for twin in group_by.twins() {
            if let Some(item) = items.get_mut(twin.item) {
                item.typed = settle_unknown(&self.binding, item.typed.clone())?;
                item.typed.expr = Expr::Column(twin.column.clone());
            }
        }
        // A column of the SELECT list that is grouped by is computed before the grouping.
        after.move_needed(&calls.before, &group_by.exprs());
        let having_place = place.within(Clause::Having);
        let mut having = self.conditions(select.having.as_ref(), "HAVING", having_place)?;
        let mut on = self.distinct_on(select, &items, place)?;
        let mut keys = self.keys(order_items(order_by)?, &items, place.within(Clause::OrderBy))?;

        if self.reads_work_table(&select.from, surroundings)
            && let Some(call) = calls.aggregates.borrow().first()
        {
            let message = "aggregate functions are not allowed in a recursive query's recursive term";
            return Err(SqlError::new(SqlErrorKind::InvalidRecursion, message).at(call.position));
        }
        if let Some(lock) = lock {
            check_lockable(lock, &calls)?;
        }
        plan = self.attached(plan, &calls.before)?;
        let grouped = group_by.is_written()
            || select.having.is_some()
            || !calls.aggregates.borrow().is_empty()
            || !calls.groupings.borrow().is_empty();
        let mut windows = calls.windows.take();
        if grouped {
            let group_by = group_by.with_dependent_columns(&namespace, &calls);
            plan = self.with_sets(plan, calls.take_sets(&group_by.exprs()), None)?;
            let several_sets = group_by.has_several_sets();
            let grouped = self.grouped(plan, group_by, &calls)?;
            let regroup = |expr: Expr| self.over_groups(&grouped, expr, &namespace, &calls);
            for item in &mut items {
                item.typed.expr = regroup(item.typed.expr.clone())?;
            }
            for typed in keys.iter_mut().map(|key| &mut key.typed).chain(&mut on) {
                typed.expr = regroup(typed.expr.clone())?;
            }
            having = having.into_iter().map(regroup).collect::<Result<_, _>>()?;
            for argument in calls.direct.take() {
                // The rows are compared before they are grouped, and there the column is not null yet.
                if several_sets && !argument.column_refs().is_empty() {
                    return Err(unsupported("a direct argument of grouped columns with grouping sets", None));
                }
                regroup(argument)?;
            }
            for call in &mut windows {
                call.expr = regroup(call.expr.clone())?;
            }
            for set in calls.sets.borrow_mut().iter_mut() {
                set.list = regroup(set.list.clone())?;
            }
            self.regroup_attachments(&after, &grouped, &namespace, &calls)?;
            let (plain, attaching) = after.apart(having);
            plan = self.attached(filtered(grouped.plan, plain)?, &after)?;
            plan = filtered(plan, attaching)?;
        } else {
            plan = self.attached(plan, &after)?;
        }
        let computed;
        (plan, computed) = with_keys(plan, &mut windows)?;
        let computed = Computed(computed);
        for item in &mut items {
            item.typed.expr = computed.reused(item.typed.expr.clone())?;
        }
        for key in &mut keys {
            key.computed = computed.order_of(&key.typed)?;
        }
        plan = windowed(plan, windows)?;
        let sets = calls.sets.take();
        if come_behind_sort(&sets, &on, &keys, select) {
            let number;
            (plan, number) = self.numbered_before_sets(plan, &on, keys)?;
            let mut ordinals = Vec::new();
            plan = self.with_sets(plan, sets, Some(&mut ordinals))?;
            on = Vec::new();
            keys = vec![Key::of_number(number, DataType::UInt64)];
            keys.extend(ordinals.into_iter().map(|column| Key::of_number(column, DataType::Int64)));
        } else {
            plan = self.with_sets(plan, sets, None)?;
        }
        self.output(plan, items, on, keys, select, unknowns)
    }

    /// Numbers rows in the order of ORDER BY, with DISTINCT ON the first of each: the rows that the sets of the SELECT list
    /// are read for.
    fn numbered_before_sets(
        &self,
        plan: LogicalPlan,
        on: &[Typed],
        keys: Vec<Key>,
    ) -> Result<(LogicalPlan, Column), SqlError> {
        let mut exprs = all_columns(&plan);
        let mut sort = Vec::with_capacity(keys.len());
        for key in keys {
            let typed = settle_unknown(&self.binding, key.typed)?;
            let column = self.fresh_column("key");
            exprs.push(typed.expr.clone().alias(&column.name));
            let shown = Typed { expr: Expr::Column(column), ..typed.clone() };
            sort.push((typed.expr, sort_of(order_key(shown)?.expr, &key.options), key.position));
        }
        let plan =
            if on.is_empty() { project(plan, exprs)? } else { self.first_of_each(plan, exprs, on, &sort)? };
        let number = self.fresh_column("row_number");
        let window = row_number(Vec::new(), sort.into_iter().map(|(_, sort, _)| sort).collect());
        let call = Call { expr: window, column: number.clone(), position: None };
        Ok((windowed(plan, vec![call])?, number))
    }

    fn regroup_attachments(
        &self,
        attachments: &Attachments,
        grouped: &Grouped,
        namespace: &Namespace,
        calls: &Calls,
    ) -> Result<(), SqlError> {
        attachments.map(|attachment| {
            self.check_subquery_over_groups(grouped, &attachment, namespace, calls)?;
            Ok(match attachment {
                Attachment::Operand { expr, column } => {
                    Attachment::Operand { expr: self.over_groups(grouped, expr, namespace, calls)?, column }
                }
                other => other,
            })
        })
    }

    /// WHERE over a plan.
    pub(super) fn where_clause(
        &self,
        plan: LogicalPlan,
        condition: Option<&ast::Expr>,
        place: Place<'_>,
    ) -> Result<LogicalPlan, SqlError> {
        let attachments = Attachments::default();
        let place = Place { clause: Clause::Where, calls: None, attachments: Some(&attachments), ..place };
        let predicates = self.conditions(condition, "WHERE", place)?;
        let (plain, attaching) = attachments.apart(predicates);
        let plan = self.attached(filtered(plan, plain)?, &attachments)?;
        filtered(plan, attaching)
    }

    /// The conditions that AND connects, those with EXISTS and IN as joins where that is possible.
    fn conditions(
        &self,
        condition: Option<&ast::Expr>,
        what: &str,
        place: Place<'_>,
    ) -> Result<Vec<Expr>, SqlError> {
        let Some(condition) = condition else { return Ok(Vec::new()) };
        let mut predicates = Vec::new();
        let several = chain(condition, &ast::BinaryOperator::And);
        let what = if several.len() > 1 { "AND" } else { what };
        for one in several {
            predicates.push(match self.native_condition(one, place)? {
                Some(native) => native,
                None => self.boolean(one, what, place)?,
            });
        }
        Ok(predicates)
    }

    /// The SELECT list, `*` written out.
    pub(super) fn items(
        &self,
        projection: &[ast::SelectItem],
        place: Place<'_>,
    ) -> Result<Vec<Item>, SqlError> {
        let mut items = Vec::new();
        for item in projection {
            match item {
                ast::SelectItem::UnnamedExpr(expr) if is_mark_expression(expr, NOTHING) => {}
                ast::SelectItem::UnnamedExpr(expr) => {
                    if let Some(fields) = self.whole_set(expr, place)? {
                        items.extend(fields);
                        continue;
                    }
                    let typed = self.expression(expr, place)?;
                    items.push(Item { name: column_name(expr), typed });
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    let typed = self.expression(expr, place)?;
                    items.push(Item { name: identifier(alias).as_str().to_owned(), typed });
                }
                ast::SelectItem::Wildcard(options) => {
                    let position = self.position(options.wildcard_token.0.span);
                    check_wildcard(options, position)?;
                    if place.scope.namespace.tables.is_empty() && place.scope.namespace.columns.is_empty() {
                        return Err(SqlError::new(
                            SqlErrorKind::SyntaxError,
                            "SELECT * with no tables specified is not valid",
                        )
                        .at(position));
                    }
                    self.push_columns(place.scope.all_columns(position), &mut items, place);
                }
                ast::SelectItem::QualifiedWildcard(kind, options) => {
                    let position = self.position(options.wildcard_token.0.span);
                    check_wildcard(options, position)?;
                    match kind {
                        ast::SelectItemQualifiedWildcardKind::ObjectName(name) => {
                            let position = self.name_position(name);
                            let parts: Vec<Identifier> = name
                                .0
                                .iter()
                                .filter_map(ast::ObjectNamePart::as_ident)
                                .map(identifier)
                                .collect();
                            let (schema, table) = match parts.as_slice() {
                                [table] => (None, table),
                                [.., schema, table] => (Some(schema), table),
                                [] => return Err(not_postgresql("*", position)),
                            };
                            let columns = place
                                .scope
                                .table_columns(schema, table, position)
                                .map_err(|error| self.with_hidden_entry(error, schema, table))?;
                            self.push_columns(columns, &mut items, place);
                        }
                        ast::SelectItemQualifiedWildcardKind::Expr(expr) => {
                            let typed = self.expression(expr, place)?;
                            items.extend(
                                self.fields(&typed, place).ok_or_else(|| {
                                    unsupported(".* of this expression", self.start_of(expr))
                                })?,
                            );
                        }
                    }
                }
                ast::SelectItem::ExprWithAliases { expr, .. } => {
                    return Err(not_postgresql("(", self.start_of(expr)));
                }
            }
        }
        if items.len() > ITEMS_MAX {
            return Err(SqlError::new(
                SqlErrorKind::TooManyColumns,
                format!("target lists can have at most {ITEMS_MAX} entries"),
            ));
        }
        Ok(items)
    }

    fn push_columns(&self, columns: Vec<(Identifier, Typed)>, items: &mut Vec<Item>, place: Place<'_>) {
        for (name, typed) in columns {
            if let Some(calls) = place.calls {
                for column in typed.expr.column_refs() {
                    let reference = Reference { column: column.clone(), position: typed.position };
                    calls.references.borrow_mut().push(reference);
                }
            }
            items.push(Item { name: name.as_str().to_owned(), typed: self.refers(typed) });
        }
    }

    /// `(x).*`: the fields of a record.
    fn whole_set(&self, expr: &ast::Expr, place: Place<'_>) -> Result<Option<Vec<Item>>, SqlError> {
        let ast::Expr::CompoundFieldAccess { root, access_chain } = expr else { return Ok(None) };
        if !is_all_fields(access_chain) {
            return Ok(None);
        }
        let typed = self.expression(root, place)?;
        if typed.pg_type() != PgType::Record {
            let message = format!("type {} is not composite", typed.pg_type().facts().sql_name);
            return Err(SqlError::new(SqlErrorKind::WrongObjectType, message));
        }
        Ok(self.fields(&typed, place))
    }

    /// The fields of a record: of a set-returning function's, or of a column of a subquery that shows one.
    fn fields(&self, typed: &Typed, place: Place<'_>) -> Option<Vec<Item>> {
        let of_set = match &typed.expr {
            Expr::Column(column) => place.calls.and_then(|calls| calls.fields_of(column)),
            _ => None,
        };
        let Some(fields) = of_set else {
            return records::fields(typed)
                .ok()
                .flatten()
                .map(|fields| fields.into_iter().map(|(name, typed)| Item { name, typed }).collect());
        };
        Some(
            fields
                .into_iter()
                .map(|field| {
                    let expr = datafusion::functions::core::expr_fn::get_field(
                        typed.expr.clone(),
                        field.name.as_str(),
                    );
                    let typed = Typed::new(expr, field.column_type, field.arrow_type)
                        .collated(field.collation)
                        .at(typed.position);
                    Item { name: field.name, typed }
                })
                .collect(),
        )
    }

    /// The expressions of DISTINCT ON.
    fn distinct_on(
        &self,
        select: &ast::Select,
        items: &[Item],
        place: Place<'_>,
    ) -> Result<Vec<Typed>, SqlError> {
        let Some(ast::Distinct::On(exprs)) = &select.distinct else { return Ok(Vec::new()) };
        exprs
            .iter()
            .map(|expr| {
                self.key(expr, items, place.within(Clause::DistinctOn), "SELECT DISTINCT ON")
                    .map(|(_, typed)| Typed { position: self.start_of(expr), ..typed })
            })
            .collect()
    }

    fn keys(
        &self,
        order_by: &[ast::OrderByExpr],
        items: &[Item],
        place: Place<'_>,
    ) -> Result<Vec<Key>, SqlError> {
        order_by
            .iter()
            .map(|item| {
                let (output, typed) = self.key(&item.expr, items, place, "ORDER BY")?;
                let position = self.start_of(&item.expr);
                Ok(Key { output, typed, options: item.options, position, computed: None })
            })
            .collect()
    }

    /// What an item of ORDER BY means: an output column by ordinal or name, else an expression over the input.
    fn key(
        &self,
        expr: &ast::Expr,
        items: &[Item],
        place: Place<'_>,
        clause: &str,
    ) -> Result<(Option<usize>, Typed), SqlError> {
        let output = |index: usize| {
            items
                .get(index)
                .map(|item| (Some(index), item.typed.clone()))
                .ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "an ordinal beyond the output columns"))
        };
        let mut inner = expr;
        while let ast::Expr::Nested(nested) = inner {
            inner = nested;
        }
        if let Some(index) = self.ordinal(inner, items.len(), clause)? {
            return output(index);
        }
        if let ast::Expr::Identifier(ident) = inner {
            let name = identifier(ident);
            let mut named = items.iter().enumerate().filter(|(_, item)| item.name == name.as_str());
            if let Some((index, first)) = named.next() {
                if named.any(|(_, other)| other.typed.expr != first.typed.expr) {
                    let message = format!("{clause} \"{}\" is ambiguous", name.as_str());
                    let position = self.position(ident.span);
                    return Err(SqlError::new(SqlErrorKind::AmbiguousColumn, message).at(position));
                }
                return output(index);
            }
        }
        let typed = settle_unknown(&self.binding, self.expression(inner, place)?)?;
        let same = items.iter().position(|item| item.typed.expr == typed.expr);
        Ok((same, typed))
    }

    /// Unnests the sets of the SELECT list, all together: the shorter ones are filled with nulls. With `ordinals`, the
    /// number of each element in its set becomes a column, too.
    fn with_sets(
        &self,
        mut plan: LogicalPlan,
        mut sets: Vec<SetCall>,
        mut ordinals: Option<&mut Vec<Column>>,
    ) -> Result<LogicalPlan, SqlError> {
        while !sets.is_empty() {
            // A set over another comes after it; sets side by side are read in step.
            let open: Vec<Column> = sets.iter().map(|set| set.column.clone()).collect();
            let (inner, outer): (Vec<SetCall>, Vec<SetCall>) = sets
                .into_iter()
                .partition(|set| !set.list.column_refs().into_iter().any(|column| open.contains(column)));
            if inner.is_empty() {
                return Err(SqlError::new(SqlErrorKind::Internal, "a set over itself"));
            }
            let mut exprs = all_columns(&plan);
            let mut lists = Vec::new();
            if let Some(ordinals) = &mut ordinals {
                let ordinal = self.fresh_column("ordinality");
                exprs.push(numbers(inner.iter().map(|set| &set.list)).alias(&ordinal.name));
                lists.push(ordinal.clone());
                ordinals.push(ordinal);
            }
            for set in inner {
                exprs.push(set.list.alias(&set.column.name));
                lists.push(set.column);
            }
            plan = unnested(project(plan, exprs)?, lists, false)?;
            sets = outer;
        }
        Ok(plan)
    }

    /// The projection, DISTINCT and the sort.
    fn output(
        &self,
        plan: LogicalPlan,
        items: Vec<Item>,
        on: Vec<Typed>,
        keys: Vec<Key>,
        select: &ast::Select,
        unknowns: Unknowns,
    ) -> Result<Bound, SqlError> {
        let distinct = matches!(select.distinct, Some(ast::Distinct::Distinct));
        let mut exprs = Vec::with_capacity(items.len());
        let mut columns = Vec::with_capacity(items.len());
        for item in items {
            let unknown = (item.typed.is_unknown() && unknowns == Unknowns::Keep).then(|| item.typed.clone());
            let typed = settle_or_keep(self, item.typed, unknown.is_some())?;
            if distinct {
                check_equality(&typed)?;
            }
            let column = self.fresh_column(&item.name);
            exprs.push(typed.expr.alias(&column.name));
            columns.push(BoundColumn {
                name: item.name,
                column,
                column_type: typed.column_type,
                arrow_type: typed.arrow_type,
                collation: typed.collation.of_column(),
                origin: typed.origin,
                unknown,
                position: typed.position,
            });
        }
        let shown = exprs.len();
        // What is sorted by but not shown gets a column until the sort is done.
        let mut sort = Vec::with_capacity(keys.len());
        for key in keys {
            if on.is_empty()
                && !distinct
                && let Some(computed) = key.computed
            {
                let column = self.fresh_column("key");
                exprs.push(computed.alias(&column.name));
                sort.push((key.typed.expr, sort_of(Expr::Column(column), &key.options), key.position));
                continue;
            }
            let column = match key.output.and_then(|index| columns.get(index)) {
                Some(output) => output.column.clone(),
                None if distinct => {
                    return Err(SqlError::new(
                        SqlErrorKind::InvalidColumnReference,
                        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    )
                    .at(key.position));
                }
                None => {
                    let column = self.fresh_column("key");
                    exprs.push(key.typed.expr.clone().alias(&column.name));
                    column
                }
            };
            let shown = Typed { expr: Expr::Column(column), ..key.typed.clone() };
            sort.push((key.typed.expr, sort_of(order_key(shown)?.expr, &key.options), key.position));
        }
        let plan = if on.is_empty() {
            let mut plan = project(plan, exprs)?;
            if distinct {
                plan = self.distinct_rows(plan, &columns)?;
            }
            plan
        } else {
            self.first_of_each(plan, exprs, &on, &sort)?
        };
        let hidden = plan.schema().fields().len() > shown;
        let mut plan = plan;
        if !sort.is_empty() {
            plan = sorted(plan, sort.into_iter().map(|(_, sort, _)| sort).collect());
        }
        if hidden {
            plan = project(plan, columns.iter().map(|column| Expr::Column(column.column.clone())).collect())?;
        }
        let bound = Bound { plan, columns };
        if unknowns == Unknowns::AsText { self.settle_outputs(bound) } else { Ok(bound) }
    }

    /// DISTINCT ON: the first row, in the order of ORDER BY, for each combination of values.
    fn first_of_each(
        &self,
        plan: LogicalPlan,
        mut exprs: Vec<Expr>,
        on: &[Typed],
        sort: &[(Expr, SortExpr, Option<usize>)],
    ) -> Result<LogicalPlan, SqlError> {
        check_initial_order(on, sort)?;
        let kept = exprs.len();
        let mut partition = Vec::new();
        for typed in on {
            let column = self.fresh_column("on");
            exprs.push(partition_key(typed.clone())?.expr.alias(&column.name));
            partition.push(Expr::Column(column));
        }
        let projected = project(plan, exprs)?;
        let outputs: Vec<Expr> = all_columns(&projected).into_iter().take(kept).collect();
        let number: Column = self.fresh_column("row_number");
        let window = row_number(partition, sort.iter().map(|(_, sort, _)| sort.clone()).collect());
        let numbered =
            windowed(projected, vec![Call { expr: window, column: number.clone(), position: None }])?;
        let first = filter(numbered, Expr::Column(number).eq(lit(1_u64)))?;
        project(first, outputs)
    }

    /// `[index]`, `[lower:upper]`
    pub(super) fn subscript(
        &self,
        subscript: &ast::Subscript,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<crate::resolve::Subscript, SqlError> {
        match subscript {
            ast::Subscript::Index { index } => {
                Ok(crate::resolve::Subscript::Index(Box::new(self.expression(index, place)?)))
            }
            ast::Subscript::Slice { stride: Some(_), .. } => Err(not_postgresql(":", position)),
            ast::Subscript::Slice { lower_bound, upper_bound, stride: None } => {
                let bound = |bound: &Option<ast::Expr>| {
                    bound.as_ref().map(|bound| self.expression(bound, place).map(Box::new)).transpose()
                };
                Ok(crate::resolve::Subscript::Slice(bound(lower_bound)?, bound(upper_bound)?))
            }
        }
    }

    /// `root.field`, `root[index]`, `root[lower:upper]`.
    pub(crate) fn field_access(
        &self,
        root: &ast::Expr,
        chain: &[ast::AccessExpr],
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        // PostgreSQL's grammar has subscripts and fields of columns, parameters and what stands in parentheses only.
        let subscripted = match root {
            ast::Expr::Value(value) => matches!(value.value, ast::Value::Placeholder(_)),
            ast::Expr::Array(_)
            | ast::Expr::Function(_)
            | ast::Expr::Cast { .. }
            | ast::Expr::Case { .. } => false,
            _ => true,
        };
        if !subscripted {
            let (sign, position) = match chain.first() {
                Some(ast::AccessExpr::Subscript(ast::Subscript::Index { index })) => {
                    ("[", self.start_of(index).map(|start| start - 1))
                }
                Some(ast::AccessExpr::Subscript(ast::Subscript::Slice {
                    lower_bound: Some(lower), ..
                })) => ("[", self.start_of(lower).map(|start| start - 1)),
                Some(ast::AccessExpr::Dot(field)) => (".", self.start_of(field).map(|start| start - 1)),
                _ => ("[", self.start_of(root)),
            };
            return Err(not_postgresql(sign, position));
        }
        // Leading names are one qualified column: `t.a[1]`.
        let mut names: Vec<ast::Ident> = Vec::new();
        match root {
            ast::Expr::Identifier(ident) => names.push(ident.clone()),
            ast::Expr::CompoundIdentifier(idents) => names.extend(idents.iter().cloned()),
            _ => {}
        }
        let mut rest = chain;
        if !names.is_empty() {
            while let Some((ast::AccessExpr::Dot(ast::Expr::Identifier(ident)), more)) = rest.split_first() {
                names.push(ident.clone());
                rest = more;
            }
        }
        // `(t).a` is `t.a`, unless `t` is a column.
        if let ast::Expr::Nested(inner) = root
            && let ast::Expr::Identifier(table) = inner.as_ref()
            && let Some((ast::AccessExpr::Dot(ast::Expr::Identifier(column)), more)) = rest.split_first()
            && place.scope.find(&identifier(table), None)?.is_none()
            && place.scope.table(None, &identifier(table))?.is_some()
        {
            names = vec![table.clone(), column.clone()];
            rest = more;
        }
        let mut value = match names.as_slice() {
            [] => self.expression(root, place)?,
            [only] => self.expression(&ast::Expr::Identifier(only.clone()), place)?,
            several => self.expression(&ast::Expr::CompoundIdentifier(several.to_vec()), place)?,
        };
        let position = self.start_of(root);
        while let Some((access, more)) = rest.split_first() {
            rest = more;
            value = match access {
                ast::AccessExpr::Subscript(first) => {
                    // What stands together is one subscript, of several dimensions.
                    let mut steps = vec![self.subscript(first, position, place)?];
                    while let Some((ast::AccessExpr::Subscript(next), more)) = rest.split_first() {
                        steps.push(self.subscript(next, position, place)?);
                        rest = more;
                    }
                    crate::resolve::subscripts(&self.binding, value, steps, position)?
                }
                ast::AccessExpr::Dot(ast::Expr::Identifier(ident)) => {
                    let name = identifier(ident);
                    let field = self
                        .fields(&value, place)
                        .and_then(|fields| fields.into_iter().find(|field| field.name == name.as_str()));
                    match field {
                        Some(field) => field.typed,
                        None if value.pg_type() == PgType::Record => {
                            let message = format!(
                                "could not identify column \"{}\" in record data type",
                                name.as_str()
                            );
                            return Err(SqlError::new(SqlErrorKind::UndefinedColumn, message).at(position));
                        }
                        None => {
                            let message = format!(
                                "column notation .{} applied to type {}, which is not a composite type",
                                name.as_str(),
                                value.pg_type().facts().sql_name
                            );
                            return Err(SqlError::new(SqlErrorKind::WrongObjectType, message).at(position));
                        }
                    }
                }
                ast::AccessExpr::Dot(_) => return Err(not_postgresql(".", position)),
            };
        }
        Ok(value)
    }
}

/// Whether the sets of the SELECT list are read after the sort: where none of them is sorted by. Each row's set then stays
/// together and in its order.
fn come_behind_sort(sets: &[SetCall], on: &[Typed], keys: &[Key], select: &ast::Select) -> bool {
    let reads_set = |typed: &Typed| {
        let columns = typed.expr.column_refs();
        sets.iter().any(|set| columns.contains(&set.column))
    };
    !sets.is_empty()
        && !keys.is_empty()
        && !matches!(select.distinct, Some(ast::Distinct::Distinct))
        && !keys.iter().map(|key| &key.typed).chain(on).any(reads_set)
}

/// The expressions of DISTINCT ON must be those that ORDER BY begins with, in any order.
fn check_initial_order(on: &[Typed], sort: &[(Expr, SortExpr, Option<usize>)]) -> Result<(), SqlError> {
    let mismatch = |typed: &Typed| {
        Err(SqlError::new(
            SqlErrorKind::InvalidColumnReference,
            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
        )
        .at(typed.position))
    };
    let mut skipped = false;
    for (expr, ..) in sort {
        match on.iter().find(|typed| typed.expr == *expr) {
            Some(typed) if skipped => return mismatch(typed),
            Some(_) => {}
            None => skipped = true,
        }
    }
    let unsorted = on.iter().find(|typed| !sort.iter().any(|(expr, ..)| *expr == typed.expr));
    match unsorted {
        Some(typed) if skipped => mismatch(typed),
        _ => Ok(()),
    }
}

/// A constant without type stays as it is where the caller settles it; its column is text until then.
fn settle_or_keep(binder: &Binder<'_>, typed: Typed, keep: bool) -> Result<Typed, SqlError> {
    if keep {
        let position = typed.position;
        let value = typed.value().cloned();
        return Ok(match value {
            Some(value) => Typed::constant(value, ColumnType::plain(PgType::Unknown)).at(position),
            None => typed,
        });
    }
    settle_unknown(&binder.binding, typed)
}

/// Refuses what sqlparser reads and PostgreSQL does not have, or what we do not have.
fn check_clauses(select: &ast::Select) -> Result<(), SqlError> {
    let foreign = select.top.is_some()
        || select.exclude.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || !matches!(select.flavor, ast::SelectFlavor::Standard)
        || select.select_modifiers.as_ref().is_some_and(ast::SelectModifiers::is_any_set);
    if foreign {
        return Err(not_postgresql("select", None));
    }
    Ok(())
}

fn check_wildcard(options: &ast::WildcardAdditionalOptions, position: Option<usize>) -> Result<(), SqlError> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    if plain { Ok(()) } else { Err(not_postgresql("*", position)) }
}
