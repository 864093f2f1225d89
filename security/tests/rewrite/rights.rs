//! Statements about rights, judged over rights in memory: `cases/rights/*.txt`. A line that is not indented is a
//! statement, `as NAME` or a question (`\administrations`, `\acl NAME`, `\members`); the indented lines below it are the
//! answer. `LIS_REFILL=1` writes the answers as they are now, to be reviewed like code.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use chrono::DateTime;
use datafusion::datasource::{empty::EmptyTable, provider_as_source};
use lis_lake::{
    ids::{ColumnId, Oid, RelationId, SchemaId, SnapshotId},
    names::{Identifier, QualifiedName},
    provider::table_schema,
    snapshot::Snapshot,
    table::{Collation, Column, Relation, Schema, Table},
    types::{ColumnType, PgType},
};
use lis_security::{
    Principal, Rights, SecurityError, StatementContext, authenticate::service_principal, plan_utility,
};
use lis_sql::{
    catalog::{Catalog, CatalogColumn, CatalogFunction, CatalogRelation, RelationSource},
    context::BindContext,
    statement::Statement,
};

/// The relations of the cases, without functions.
#[derive(Debug)]
struct Relations(Arc<Snapshot>);

impl Catalog for Relations {
    fn relation(&self, name: &QualifiedName) -> Option<CatalogRelation> {
        described(&self.0, self.0.relation_named(name)?)
    }

    fn relation_by_oid(&self, oid: Oid) -> Option<CatalogRelation> {
        described(&self.0, self.0.relation_by_oid(oid)?)
    }

    fn has_schema(&self, name: &Identifier) -> bool {
        self.0.schema_named(name).is_some()
    }

    fn functions(&self, _schema: Option<&Identifier>, _name: &Identifier) -> Vec<CatalogFunction> {
        Vec::new()
    }
}

fn described(snapshot: &Snapshot, relation: &Relation) -> Option<CatalogRelation> {
    let Relation::Table(table) = relation else { return None };
    Some(CatalogRelation {
        oid: relation.id().oid(),
        name: snapshot.qualified_name(relation)?,
        columns: relation
            .columns()
            .iter()
            .map(|column| CatalogColumn {
                name: column.name.clone(),
                column_type: column.column_type,
                number: i16::try_from(column.id.get()).unwrap(),
                collation: column.collation,
                not_null: column.not_null,
                default: None,
                hidden: false,
            })
            .collect(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        source: RelationSource::Scan(provider_as_source(Arc::new(EmptyTable::new(table_schema(table))))),
    })
}

/// Schemas `public` and `ekonomi`; a table in each, of `lis_admin`.
fn snapshot() -> Arc<Snapshot> {
    let schema = |id, name: &str| {
        Arc::new(Schema {
            id: SchemaId::new(id),
            name: Identifier::exact(name),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            temporary: false,
            path: String::new(),
        })
    };
    let column = |id, name: &str, pg_type| Column {
        id: ColumnId::new(id),
        name: Identifier::exact(name),
        physical_name: name.to_owned(),
        column_type: ColumnType::plain(pg_type),
        not_null: false,
        collation: Collation::C,
        initial_default: None,
        default: None,
        comment: None,
    };
    let table = |id, schema, name: &str| {
        Relation::Table(Arc::new(Table {
            id: RelationId::new(id),
            schema_id: SchemaId::new(schema),
            name: Identifier::exact(name),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            columns: vec![column(1, "adm", PgType::Text), column(2, "belopp", PgType::Int8)],
            materialized: None,
            constraints: Vec::new(),
            sort_order: Vec::new(),
            next_column_id: 3,
            path: String::new(),
            files: Arc::default(),
        }))
    };
    Arc::new(Snapshot::new(
        SnapshotId::new(1),
        0,
        [schema(1, "public"), schema(2, "ekonomi")],
        [table(10, 1, "t"), table(11, 2, "verifikationsrad")],
    ))
}

fn bind(user: &Principal) -> BindContext {
    BindContext {
        current_user: user.current_user().clone(),
        current_user_oid: user.current_oid(),
        session_user: user.session_user().clone(),
        database: "lis".to_owned(),
        administrations: BTreeMap::new(),
        search_path: vec![Identifier::exact("public")],
        time_zone: "UTC".to_owned(),
        transaction_started_at: DateTime::UNIX_EPOCH,
        statement_started_at: DateTime::UNIX_EPOCH,
        settings: std::sync::Arc::default(),
        parameter_types: Vec::new(),
        parameter_values: Vec::new(),
        backend_pid: 1,
    }
}

struct World {
    rights: Arc<Rights>,
    user: Principal,
    snapshot: Arc<Snapshot>,
    catalog: Relations,
}

impl World {
    fn new() -> Self {
        let rights =
            Arc::new(Rights::default().with(&lis_security::first_changes(String::new().into(), None)));
        let user = service_principal(&rights, &Identifier::exact("lis_admin")).unwrap();
        let snapshot = snapshot();
        Self { rights, user, catalog: Relations(Arc::clone(&snapshot)), snapshot }
    }

    /// The answer's lines.
    fn answer(&mut self, line: &str) -> Vec<String> {
        let answered = match line.split_once(' ').unwrap_or((line, "")) {
            ("as", name) => service_principal(&self.rights, &Identifier::exact(name)).map(|user| {
                self.user = user;
                Vec::new()
            }),
            ("\\administrations", _) => Ok(self
                .rights
                .administrations(&self.user)
                .into_iter()
                .map(|(area, codes)| format!("{area:?} {}", codes.join(" ")))
                .collect()),
            ("\\members", _) => Ok(self.members()),
            ("\\acl", name) => Ok(self.acl(name)),
            _ => self.judge(line),
        };
        answered.unwrap_or_else(|error| {
            let mut lines = vec![format!("ERROR {:?}: {error}", error.kind)];
            lines.extend(error.detail.map(|detail| format!("DETAIL: {detail}")));
            lines
        })
    }

    fn judge(&mut self, text: &str) -> Result<Vec<String>, SecurityError> {
        let mut lines = Vec::new();
        for parsed in lis_sql::parse(text)? {
            let Statement::Utility(statement) = parsed.statement else {
                panic!("not a utility statement: {text}")
            };
            let bind = bind(&self.user);
            let context = StatementContext {
                rights: &self.rights,
                principal: &self.user,
                snapshot: &self.snapshot,
                catalog: &self.catalog,
                bind: &bind,
            };
            let changes = plan_utility(&statement, &context)?.unwrap();
            self.rights = Arc::new(self.rights.with(&changes.changes));
            lines.extend(changes.warnings.iter().map(|warning| format!("WARNING: {warning}")));
            lines.extend(changes.notices.iter().map(|notice| format!("NOTICE: {notice}")));
            if changes.is_empty() {
                lines.push("nothing changes".to_owned());
            }
        }
        Ok(lines)
    }

    fn members(&self) -> Vec<String> {
        let name = |oid: Oid| self.rights.role(oid).unwrap().name.to_string();
        let roles = self.rights.roles();
        roles
            .memberships()
            .map(|held| {
                format!(
                    "{} in {} by {}{}{}{}",
                    name(held.member),
                    name(held.role),
                    name(held.grantor),
                    if held.admin { " admin" } else { "" },
                    if held.inherit { " inherit" } else { "" },
                    if held.set { " set" } else { "" },
                )
            })
            .collect()
    }

    fn acl(&self, name: &str) -> Vec<String> {
        let viewer = self.rights.viewer(&self.user, Arc::clone(&self.snapshot));
        let acl = match name.split_once('.') {
            Some((schema, name)) => {
                let relation = self.snapshot.relation_named(&QualifiedName::new(schema, name)).unwrap();
                viewer.relation_acl(relation.id().oid())
            }
            None => viewer.schema_acl(self.snapshot.schema_named(&Identifier::exact(name)).unwrap().id.oid()),
        };
        acl.unwrap_or_default()
    }
}

#[test]
fn statements_about_rights_are_judged_as_postgresql_16_judges_them() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/rights");
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let expected = std::fs::read_to_string(&path).unwrap();
        let mut world = World::new();
        let mut found = String::new();
        for line in expected.lines().filter(|line| !line.starts_with("  ")) {
            found.push_str(line);
            found.push('\n');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            for answer in world.answer(line) {
                found.push_str(&format!("  {answer}\n"));
            }
        }
        if std::env::var_os("LIS_REFILL").is_some() {
            std::fs::write(&path, &found).unwrap();
        } else {
            assert_eq!(found, expected, "{}", path.display());
        }
    }
}
