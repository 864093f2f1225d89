//! Every change of rights as one closed enum, applied in two ways that must agree: to [`Rights`] in memory (a
//! transaction sees its own changes) and to the metadata database as a [`CommitPart`] in the commit's transaction.
//! Statements are judged before they become changes; a change decides nothing, but refuses to be written over rights
//! that changed since it was judged, so that two administrators cannot undo each other's premises.

use async_trait::async_trait;
use lis_lake::{
    error::LakeError,
    ids::Oid,
    metadata::{CommitContext, CommitPart, MetadataTx, Value},
};
use rand::RngCore;
use secrecy::ExposeSecret;

use crate::{
    administrations::{Administration, Area, SecuredBy},
    derivation::Derived,
    grants::{Grant, Object, ObjectKind, privilege_name},
    policy::{Policy, PolicyCommand, RowSecurity},
    rights::Rights,
    roles::{Membership, Role},
};

/// One change of rights.
#[derive(Debug, Clone)]
pub enum SecurityChange {
    /// A new role.
    CreateRole(Role),
    /// A role with other attributes.
    AlterRole(Role),
    /// A role that is gone, with its memberships, grants and settings.
    DropRole(Oid),
    /// A membership, or another in its place.
    PutMembership(Membership),
    /// A membership that is gone.
    RemoveMembership {
        /// The role.
        role: Oid,
        /// The member.
        member: Oid,
        /// By whom it was granted.
        grantor: Oid,
    },
    /// A granted privilege.
    PutGrant(Grant),
    /// A privilege that is gone, or its grant option.
    RemoveGrant {
        /// Which.
        grant: Grant,
        /// GRANT OPTION FOR
        option_only: bool,
    },
    /// Row security of a table.
    SetRowSecurity {
        /// The table.
        relation: Oid,
        /// On or off.
        row_security: RowSecurity,
    },
    /// A policy, or another in its place.
    PutPolicy(Policy),
    /// A policy that is gone.
    RemovePolicy {
        /// The table.
        relation: Oid,
        /// The policy.
        policy: Oid,
    },
    /// What `lis.secure_table` records.
    SecureTable {
        /// The table.
        relation: Oid,
        /// How.
        secured: SecuredBy,
    },
    /// How a table is kept that was made from secured ones.
    SetDerived {
        /// The table.
        relation: Oid,
        /// How.
        state: Derived,
    },
    /// No change: these relations are still open to everybody who has the privilege. A table was made of them.
    StillOpen {
        /// Which.
        relations: Vec<Oid>,
    },
    /// An administration, or another in its place.
    PutAdministration(Administration),
    /// An area; one of that name that is there already stays as it is, since a load that makes an ordinary area must not
    /// take the mark of a sensitive one off.
    PutArea(Area),
    /// `ALTER ROLE … SET`; `None` removes the setting.
    SetRoleSetting {
        /// The role.
        role: Oid,
        /// The setting; `None` is all of them (with no value).
        name: Option<String>,
        /// The value.
        value: Option<String>,
    },
    /// An object that was dropped: its grants, policies and row security go with it.
    ForgetObject(Object),
}

/// Changes that a statement was judged to make.
#[derive(Debug, Clone, Default)]
pub struct SecurityChanges {
    /// The changes, in order.
    pub changes: Vec<SecurityChange>,
    /// The version of the rights that they were judged by; `None` for changes that hold whatever else happens.
    pub judged_by: Option<i64>,
    /// What the client is warned of (01000), such as a privilege that was not there to be revoked.
    pub warnings: Vec<String>,
    /// What its user is told of beside that.
    pub notices: Vec<String>,
}

impl SecurityChanges {
    /// Changes that hold only as long as nobody else changes rights before they are committed.
    pub(crate) fn judged(rights: &Rights, changes: Vec<SecurityChange>) -> Self {
        Self { changes, judged_by: Some(rights.version), warnings: Vec::new(), notices: Vec::new() }
    }

    /// Changes that hold whatever else happens.
    pub fn unconditional(changes: Vec<SecurityChange>) -> Self {
        Self { changes, judged_by: None, warnings: Vec::new(), notices: Vec::new() }
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The parts of a commit.
    pub fn into_parts(self) -> Vec<Box<dyn CommitPart>> {
        let judged_by = self.judged_by;
        self.changes
            .into_iter()
            .map(|change| Box::new(SecurityPart { change, judged_by }) as Box<dyn CommitPart>)
            .collect()
    }
}

/// A change as a part of a commit.
#[derive(Debug)]
struct SecurityPart {
    change: SecurityChange,
    judged_by: Option<i64>,
}

#[async_trait]
impl CommitPart for SecurityPart {
    async fn apply(&self, tx: &mut dyn MetadataTx, context: &CommitContext) -> Result<(), LakeError> {
        // The state remembers which commit changed it last, so that the later parts of one commit do not take the
        // earlier ones for somebody else's.
        if let Some(version) = self.judged_by {
            let rows = tx
                .query(
                    "SELECT version, changed_snapshot_id, changed_at_us FROM lis_security_state WHERE id = 1",
                    &[],
                )
                .await?;
            let row = rows.first().ok_or_else(|| LakeError::damaged("lis_security_state is empty"))?;
            let ours =
                row.integer(1)? == context.snapshot_id.get() && row.integer(2)? == context.committed_at_us;
            if row.integer(0)? != version && !ours {
                return Err(conflict("roles or privileges"));
            }
        }
        // Most tables that are dropped have no rights of their own: nobody's judgement is out of date then.
        if !self.change.write(tx).await? {
            return Ok(());
        }
        tx.execute(
            "UPDATE lis_security_state SET version = version + 1, changed_snapshot_id = ?, changed_at_us = ? \
             WHERE id = 1",
            &[context.snapshot_id.get().into(), context.committed_at_us.into()],
        )
        .await?;
        Ok(())
    }
}

/// The state of a new warehouse, before its first roles.
#[derive(Debug)]
pub(crate) struct FirstState;

#[async_trait]
impl CommitPart for FirstState {
    async fn apply(&self, tx: &mut dyn MetadataTx, context: &CommitContext) -> Result<(), LakeError> {
        let mut secret = vec![0_u8; 32];
        rand::rng().fill_bytes(&mut secret);
        run(
            tx,
            "INSERT INTO lis_security_state (id, version, next_oid, changed_snapshot_id, changed_at_us, \
             mock_secret) VALUES (1, 1, ?, ?, ?, ?)",
            &[
                i64::from(Oid::FIRST_NORMAL).into(),
                context.snapshot_id.get().into(),
                context.committed_at_us.into(),
                Value::Blob(secret),
            ],
        )
        .await
    }
}

impl SecurityChange {
    /// Applies the change to rights in memory.
    pub(crate) fn apply_to(&self, rights: &mut Rights) {
        match self {
            Self::CreateRole(role) | Self::AlterRole(role) => {
                rights.next_oid = rights.next_oid.max(role.oid.get().saturating_add(1));
                rights.roles.put(role.clone());
            }
            Self::DropRole(role) => {
                rights.roles.remove(*role);
                rights.grants.forget_grantee(*role);
                rights.settings.remove(role);
            }
            Self::PutMembership(membership) => {
                rights.next_oid = rights.next_oid.max(membership.oid.get().saturating_add(1));
                rights.roles.put_membership(*membership);
            }
            Self::RemoveMembership { role, member, grantor } => {
                rights.roles.remove_membership(*role, *member, *grantor);
            }
            Self::PutGrant(grant) => rights.grants.put(*grant),
            Self::RemoveGrant { grant, option_only } => rights.grants.remove(grant, *option_only),
            Self::SetRowSecurity { relation, row_security } => {
                rights.policies.row_security.insert(*relation, *row_security);
            }
            Self::PutPolicy(policy) => {
                rights.next_oid = rights.next_oid.max(policy.oid.get().saturating_add(1));
                let policies = rights.policies.by_relation.entry(policy.relation).or_default();
                policies.retain(|other| other.oid != policy.oid);
                policies.push(policy.clone());
            }
            Self::RemovePolicy { relation, policy } => {
                if let Some(policies) = rights.policies.by_relation.get_mut(relation) {
                    policies.retain(|other| other.oid != *policy);
                }
            }
            Self::SecureTable { relation, secured } => {
                rights.administrations.secured.insert(*relation, secured.clone());
            }
            Self::SetDerived { relation, state } => {
                rights.derived.insert(*relation, *state);
            }
            Self::StillOpen { .. } => {}
            Self::PutAdministration(administration) => {
                rights.administrations.by_code.insert(administration.code.clone(), administration.clone());
            }
            Self::PutArea(area) => {
                rights.administrations.areas.entry(area.name.clone()).or_insert_with(|| area.clone());
            }
            Self::SetRoleSetting { role, name, value } => {
                let settings = rights.settings.entry(*role).or_default();
                match (name, value) {
                    (Some(name), Some(value)) => {
                        settings.insert(name.clone(), value.clone());
                    }
                    (Some(name), None) => {
                        settings.remove(name);
                    }
                    (None, _) => settings.clear(),
                }
            }
            Self::ForgetObject(object) => {
                rights.grants.forget(*object);
                if object.kind == ObjectKind::Relation {
                    rights.policies.by_relation.remove(&object.oid);
                    rights.policies.row_security.remove(&object.oid);
                    rights.administrations.secured.remove(&object.oid);
                    rights.derived.remove(&object.oid);
                }
            }
        }
    }

    /// Whether that changed what others may have been judged by.
    async fn write(&self, tx: &mut dyn MetadataTx) -> Result<bool, LakeError> {
        let written = match self {
            Self::CreateRole(role) => {
                let taken = tx
                    .query(
                        "SELECT 1 FROM lis_role WHERE oid = ? OR name = ?",
                        &[number(role.oid), role.name.as_str().into()],
                    )
                    .await?;
                if !taken.is_empty() {
                    return Err(conflict(format!("role {}", role.name)));
                }
                take_number(tx, role.oid).await?;
                write_role(tx, role).await
            }
            Self::AlterRole(role) => write_role(tx, role).await,
            Self::DropRole(role) => {
                for sql in [
                    "DELETE FROM lis_role WHERE oid = ?",
                    "DELETE FROM lis_membership WHERE role = ?",
                    "DELETE FROM lis_membership WHERE member = ?",
                    "DELETE FROM lis_grant WHERE grantee = ?",
                    "DELETE FROM lis_role_setting WHERE role = ?",
                ] {
                    tx.execute(sql, &[number(*role)]).await?;
                }
                Ok(())
            }
            Self::PutMembership(membership) => write_membership(tx, membership).await,
            Self::RemoveMembership { role, member, grantor } => {
                run(
                    tx,
                    "DELETE FROM lis_membership WHERE role = ? AND member = ? AND grantor = ?",
                    &[number(*role), number(*member), number(*grantor)],
                )
                .await
            }
            Self::PutGrant(grant) => {
                run(
                    tx,
                    "INSERT INTO lis_grant (object_kind, object, grantee, grantor, privilege, grantable) \
                     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (object_kind, object, grantee, grantor, privilege) \
                     DO UPDATE SET grantable = max(grantable, excluded.grantable)",
                    &[&grant_key(grant)[..], &[grant.grantable.into()]].concat(),
                )
                .await
            }
            Self::RemoveGrant { grant, option_only } => {
                let sql = if *option_only {
                    "UPDATE lis_grant SET grantable = 0 WHERE object_kind = ? AND object = ? AND grantee = ? \
                     AND grantor = ? AND privilege = ?"
                } else {
                    "DELETE FROM lis_grant WHERE object_kind = ? AND object = ? AND grantee = ? AND grantor = ? \
                     AND privilege = ?"
                };
                run(tx, sql, &grant_key(grant)).await
            }
            Self::SetRowSecurity { relation, row_security } => {
                run(
                    tx,
                    "INSERT OR REPLACE INTO lis_row_security (relation, enabled, forced) VALUES (?, ?, ?)",
                    &[number(*relation), row_security.enabled.into(), row_security.forced.into()],
                )
                .await
            }
            Self::PutPolicy(policy) => write_policy(tx, policy).await,
            Self::RemovePolicy { relation: _, policy } => {
                run(tx, "DELETE FROM lis_policy WHERE oid = ?", &[number(*policy)]).await
            }
            Self::SecureTable { relation, secured } => {
                run(
                    tx,
                    "INSERT OR REPLACE INTO lis_secured_table (relation, column_id, area) VALUES (?, ?, ?)",
                    &[number(*relation), secured.column.get().into(), secured.area.as_str().into()],
                )
                .await
            }
            Self::SetDerived { relation, state } => {
                run(
                    tx,
                    "INSERT OR REPLACE INTO lis_derived_table (relation, state) VALUES (?, ?)",
                    &[number(*relation), state.stored().into()],
                )
                .await
            }
            Self::StillOpen { relations } => return still_open(tx, relations).await,
            Self::PutAdministration(administration) => write_administration(tx, administration).await,
            Self::PutArea(area) => {
                run(
                    tx,
                    "INSERT INTO lis_area (name, sensitive) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                    &[area.name.as_str().into(), area.sensitive.into()],
                )
                .await
            }
            Self::SetRoleSetting { role, name, value } => {
                write_setting(tx, *role, name.as_deref(), value.as_deref()).await
            }
            Self::ForgetObject(object) => return forget(tx, *object).await,
        };
        written.map(|()| true)
    }
}

fn number(oid: Oid) -> Value {
    Value::Integer(i64::from(oid.get()))
}

async fn run(tx: &mut dyn MetadataTx, sql: &str, arguments: &[Value]) -> Result<(), LakeError> {
    tx.execute(sql, arguments).await.map(|_| ())
}

/// Moves the counter past a number that was given out from it.
async fn take_number(tx: &mut dyn MetadataTx, oid: Oid) -> Result<(), LakeError> {
    run(
        tx,
        "UPDATE lis_security_state SET next_oid = max(next_oid, ?) WHERE id = 1",
        &[Value::Integer(i64::from(oid.get()) + 1)],
    )
    .await
}

async fn write_role(tx: &mut dyn MetadataTx, role: &Role) -> Result<(), LakeError> {
    run(
        tx,
        "INSERT OR REPLACE INTO lis_role (oid, name, superuser, inherit, create_role, create_db, login, \
         replication, bypass_rls, connection_limit, verifier, valid_until_us) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            number(role.oid),
            role.name.as_str().into(),
            role.superuser.into(),
            role.inherit.into(),
            role.create_role.into(),
            role.create_db.into(),
            role.login.into(),
            role.replication.into(),
            role.bypass_rls.into(),
            Value::Integer(i64::from(role.connection_limit)),
            role.verifier.as_ref().map(|verifier| verifier.expose_secret()).into(),
            role.valid_until_us.into(),
        ],
    )
    .await
}

async fn write_membership(tx: &mut dyn MetadataTx, membership: &Membership) -> Result<(), LakeError> {
    let oid = free_number(tx, "SELECT 1 FROM lis_membership WHERE oid = ?", membership.oid).await?;
    run(
        tx,
        "INSERT INTO lis_membership (oid, role, member, grantor, admin_option, inherit_option, set_option) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (role, member, grantor) DO UPDATE SET \
         admin_option = excluded.admin_option, inherit_option = excluded.inherit_option, \
         set_option = excluded.set_option",
        &[
            number(oid),
            number(membership.role),
            number(membership.member),
            number(membership.grantor),
            membership.admin.into(),
            membership.inherit.into(),
            membership.set.into(),
        ],
    )
    .await
}

async fn write_policy(tx: &mut dyn MetadataTx, policy: &Policy) -> Result<(), LakeError> {
    let oid = free_number(tx, "SELECT 1 FROM lis_policy WHERE oid = ?", policy.oid).await?;
    let roles: Vec<String> = policy.roles.iter().map(ToString::to_string).collect();
    run(
        tx,
        "INSERT INTO lis_policy (oid, relation, name, permissive, command, roles, using_expression, \
         check_expression) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (relation, name) DO UPDATE SET \
         permissive = excluded.permissive, command = excluded.command, roles = excluded.roles, \
         using_expression = excluded.using_expression, check_expression = excluded.check_expression",
        &[
            number(oid),
            number(policy.relation),
            policy.name.as_str().into(),
            policy.permissive.into(),
            stored_command(policy.command).into(),
            roles.join(",").into(),
            policy.using.as_deref().into(),
            policy.with_check.as_deref().into(),
        ],
    )
    .await
}

/// The number that a change was given, or the next one if a commit in between has taken it: changes that hold whatever
/// else happens (a load secures several tables at once) may have been given one number twice.
async fn free_number(tx: &mut dyn MetadataTx, taken: &str, wanted: Oid) -> Result<Oid, LakeError> {
    let free = if tx.query(taken, &[number(wanted)]).await?.is_empty() {
        wanted
    } else {
        let rows = tx.query("SELECT next_oid FROM lis_security_state WHERE id = 1", &[]).await?;
        let row = rows.first().ok_or_else(|| LakeError::damaged("lis_security_state is empty"))?;
        u32::try_from(row.integer(0)?)
            .map(Oid::new)
            .map_err(|_| LakeError::damaged("lis_security_state: no more numbers"))?
    };
    take_number(tx, free).await?;
    Ok(free)
}

async fn write_administration(
    tx: &mut dyn MetadataTx,
    administration: &Administration,
) -> Result<(), LakeError> {
    let day = |date: Option<chrono::NaiveDate>| Value::from(date.map(|date| date.to_string()));
    run(
        tx,
        "INSERT OR REPLACE INTO lis_administration (code, name, parent, valid_from, valid_to, role) \
         VALUES (?, ?, ?, ?, ?, ?)",
        &[
            administration.code.as_str().into(),
            administration.name.as_str().into(),
            administration.parent.as_deref().into(),
            day(administration.valid_from),
            day(administration.valid_to),
            number(administration.role),
        ],
    )
    .await
}

async fn write_setting(
    tx: &mut dyn MetadataTx,
    role: Oid,
    name: Option<&str>,
    value: Option<&str>,
) -> Result<(), LakeError> {
    match (name, value) {
        (Some(name), Some(value)) => {
            run(
                tx,
                "INSERT OR REPLACE INTO lis_role_setting (role, name, value) VALUES (?, ?, ?)",
                &[number(role), name.into(), value.into()],
            )
            .await
        }
        (Some(name), None) => {
            run(tx, "DELETE FROM lis_role_setting WHERE role = ? AND name = ?", &[number(role), name.into()])
                .await
        }
        (None, _) => run(tx, "DELETE FROM lis_role_setting WHERE role = ?", &[number(role)]).await,
    }
}

/// Whether there was something to forget.
async fn forget(tx: &mut dyn MetadataTx, object: Object) -> Result<bool, LakeError> {
    let mut rows = tx
        .execute(
            "DELETE FROM lis_grant WHERE object_kind = ? AND object = ?",
            &[object.kind.stored().into(), number(object.oid)],
        )
        .await?;
    if object.kind == ObjectKind::Relation {
        for sql in [
            "DELETE FROM lis_policy WHERE relation = ?",
            "DELETE FROM lis_row_security WHERE relation = ?",
            "DELETE FROM lis_secured_table WHERE relation = ?",
            "DELETE FROM lis_derived_table WHERE relation = ?",
        ] {
            rows += tx.execute(sql, &[number(object.oid)]).await?;
        }
    }
    Ok(rows > 0)
}

fn grant_key(grant: &Grant) -> [Value; 5] {
    [
        grant.object.kind.stored().into(),
        number(grant.object.oid),
        number(grant.grantee),
        number(grant.grantor),
        privilege_name(grant.privilege).into(),
    ]
}

/// How a policy's command is stored.
pub(crate) fn stored_command(command: PolicyCommand) -> &'static str {
    match command {
        PolicyCommand::All => "all",
        PolicyCommand::Select => "select",
        PolicyCommand::Insert => "insert",
        PolicyCommand::Update => "update",
        PolicyCommand::Delete => "delete",
    }
}

/// Refuses a commit (40001) that relies on relations being open of which one no longer is.
async fn still_open(tx: &mut dyn MetadataTx, relations: &[Oid]) -> Result<bool, LakeError> {
    for relation in relations {
        let closed = tx
            .query(
                "SELECT 1 FROM lis_row_security WHERE relation = ? AND enabled \
                 UNION ALL SELECT 1 FROM lis_derived_table WHERE relation = ? AND state = 'restricted'",
                &[number(*relation), number(*relation)],
            )
            .await?;
        if !closed.is_empty() {
            return Err(conflict("row security"));
        }
    }
    Ok(false)
}

fn conflict(object: impl Into<String>) -> LakeError {
    LakeError::Conflict { object: object.into() }
}
