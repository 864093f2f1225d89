//! Rights as they are stored, read in one transaction of the metadata database. What cannot be read is an error and
//! never left out: a policy that is skipped shows rows.

use std::{collections::BTreeMap, str::FromStr};

use chrono::NaiveDate;
use lis_lake::{
    error::LakeError,
    ids::{ColumnId, Oid},
    metadata::{MetadataRead, MetadataRow, Value},
    names::Identifier,
};
use secrecy::SecretString;

use crate::{
    administrations::{Administration, Area, SecuredBy},
    derivation::Derived,
    grants::{Grant, Object, ObjectKind, privilege_named},
    policy::{Policy, PolicyCommand, RowSecurity},
    rights::Rights,
    roles::{Membership, Role},
};

/// The version of the stored rights, which grows with every change of them.
pub(crate) async fn version(read: &mut dyn MetadataRead) -> Result<i64, LakeError> {
    let rows = read.query("SELECT version FROM lis_security_state WHERE id = 1", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// Everything.
pub(crate) async fn rights(read: &mut dyn MetadataRead) -> Result<Rights, LakeError> {
    let mut rights = Rights::default();
    let state = "SELECT version, next_oid, mock_secret FROM lis_security_state WHERE id = 1";
    // A warehouse that was never initialised has no roles: nobody gets in.
    if let Some(row) = read.query(state, &[]).await?.first() {
        rights.version = row.integer(0)?;
        rights.next_oid = oid(row, 1)?.get();
        match row.0.get(2) {
            Some(Value::Blob(secret)) if !secret.is_empty() => rights.mock_secret = secret.as_slice().into(),
            _ => return Err(LakeError::damaged("lis_security_state has no secret")),
        }
    }
    roles(read, &mut rights).await?;
    grants(read, &mut rights).await?;
    policies(read, &mut rights).await?;
    administrations(read, &mut rights).await?;
    for row in read.query("SELECT relation, state FROM lis_derived_table", &[]).await? {
        let state = Derived::from_stored(row.text(1)?)
            .ok_or_else(|| LakeError::damaged("lis_derived_table: state"))?;
        rights.derived.insert(oid(&row, 0)?, state);
    }
    for row in read.query("SELECT role, name, value FROM lis_role_setting", &[]).await? {
        rights
            .settings
            .entry(oid(&row, 0)?)
            .or_insert_with(BTreeMap::new)
            .insert(row.text(1)?.to_owned(), row.text(2)?.to_owned());
    }
    Ok(rights)
}

async fn roles(read: &mut dyn MetadataRead, rights: &mut Rights) -> Result<(), LakeError> {
    let sql = "SELECT oid, name, superuser, inherit, create_role, create_db, login, replication, bypass_rls, \
               connection_limit, verifier, valid_until_us FROM lis_role";
    for row in read.query(sql, &[]).await? {
        rights.roles.put(Role {
            oid: oid(&row, 0)?,
            name: Identifier::exact(row.text(1)?),
            superuser: row.boolean(2)?,
            inherit: row.boolean(3)?,
            create_role: row.boolean(4)?,
            create_db: row.boolean(5)?,
            login: row.boolean(6)?,
            replication: row.boolean(7)?,
            bypass_rls: row.boolean(8)?,
            connection_limit: i32::try_from(row.integer(9)?).unwrap_or(-1),
            verifier: row.text_opt(10)?.map(SecretString::from),
            valid_until_us: row.integer_opt(11)?,
        });
    }
    let sql = "SELECT oid, role, member, grantor, admin_option, inherit_option, set_option FROM lis_membership \
               ORDER BY oid";
    for row in read.query(sql, &[]).await? {
        rights.roles.put_membership(Membership {
            oid: oid(&row, 0)?,
            role: oid(&row, 1)?,
            member: oid(&row, 2)?,
            grantor: oid(&row, 3)?,
            admin: row.boolean(4)?,
            inherit: row.boolean(5)?,
            set: row.boolean(6)?,
        });
    }
    Ok(())
}

async fn grants(read: &mut dyn MetadataRead, rights: &mut Rights) -> Result<(), LakeError> {
    let sql = "SELECT object_kind, object, grantee, grantor, privilege, grantable FROM lis_grant";
    for row in read.query(sql, &[]).await? {
        let kind = match row.text(0)? {
            "schema" => ObjectKind::Schema,
            "relation" => ObjectKind::Relation,
            other => return Err(LakeError::damaged(format!("lis_grant: kind {other}"))),
        };
        let privilege = privilege_named(row.text(4)?)
            .ok_or_else(|| LakeError::damaged(format!("lis_grant: {:?}", row.0.get(4))))?;
        rights.grants.put(Grant {
            object: Object { kind, oid: oid(&row, 1)? },
            grantee: oid(&row, 2)?,
            grantor: oid(&row, 3)?,
            privilege,
            grantable: row.boolean(5)?,
        });
    }
    Ok(())
}

async fn policies(read: &mut dyn MetadataRead, rights: &mut Rights) -> Result<(), LakeError> {
    for row in read.query("SELECT relation, enabled, forced FROM lis_row_security", &[]).await? {
        let row_security = RowSecurity { enabled: row.boolean(1)?, forced: row.boolean(2)? };
        rights.policies.row_security.insert(oid(&row, 0)?, row_security);
    }
    let sql = "SELECT oid, relation, name, permissive, command, roles, using_expression, check_expression \
               FROM lis_policy ORDER BY oid";
    for row in read.query(sql, &[]).await? {
        let command = match row.text(4)? {
            "all" => PolicyCommand::All,
            "select" => PolicyCommand::Select,
            "insert" => PolicyCommand::Insert,
            "update" => PolicyCommand::Update,
            "delete" => PolicyCommand::Delete,
            other => return Err(LakeError::damaged(format!("lis_policy: command {other}"))),
        };
        let roles = row
            .text(5)?
            .split(',')
            .map(|number| u32::from_str(number).map(Oid::new))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| LakeError::damaged("lis_policy: roles"))?;
        let policy = Policy {
            oid: oid(&row, 0)?,
            relation: oid(&row, 1)?,
            name: Identifier::exact(row.text(2)?),
            permissive: row.boolean(3)?,
            command,
            roles,
            using: row.text_opt(6)?.map(str::to_owned),
            with_check: row.text_opt(7)?.map(str::to_owned),
        };
        rights.policies.by_relation.entry(policy.relation).or_default().push(policy);
    }
    Ok(())
}

async fn administrations(read: &mut dyn MetadataRead, rights: &mut Rights) -> Result<(), LakeError> {
    let sql = "SELECT code, name, parent, valid_from, valid_to, role FROM lis_administration";
    for row in read.query(sql, &[]).await? {
        let administration = Administration {
            code: row.text(0)?.to_owned(),
            name: row.text(1)?.to_owned(),
            parent: row.text_opt(2)?.map(str::to_owned),
            valid_from: day(&row, 3)?,
            valid_to: day(&row, 4)?,
            role: oid(&row, 5)?,
        };
        rights.administrations.by_code.insert(administration.code.clone(), administration);
    }
    for row in read.query("SELECT name, sensitive FROM lis_area", &[]).await? {
        let area = Area { name: row.text(0)?.to_owned(), sensitive: row.boolean(1)? };
        rights.administrations.areas.insert(area.name.clone(), area);
    }
    for row in read.query("SELECT relation, column_id, area FROM lis_secured_table", &[]).await? {
        let secured = SecuredBy { column: ColumnId::new(row.integer(1)?), area: row.text(2)?.to_owned() };
        rights.administrations.secured.insert(oid(&row, 0)?, secured);
    }
    Ok(())
}

fn oid(row: &MetadataRow, column: usize) -> Result<Oid, LakeError> {
    u32::try_from(row.integer(column)?)
        .map(Oid::new)
        .map_err(|_| LakeError::damaged(format!("column {column}: not an object's number")))
}

fn day(row: &MetadataRow, column: usize) -> Result<Option<NaiveDate>, LakeError> {
    row.text_opt(column)?
        .map(|text| {
            NaiveDate::from_str(text).map_err(|_| LakeError::damaged(format!("column {column}: not a date")))
        })
        .transpose()
}
