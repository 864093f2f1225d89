//! Who asks. A [`Principal`] is made by authentication and nothing else; SET ROLE and SET SESSION AUTHORIZATION yield a
//! new immutable one with the next epoch, so that whatever was planned or kept for the old one is never taken for the
//! new one's. It holds names and numbers only: what they are allowed is looked up in the [`Rights`] of each statement,
//! so that a revoked right is gone at the next statement and not at the next login.

use lis_lake::{ids::Oid, names::Identifier};

use crate::{
    error::{SecurityError, SecurityErrorKind},
    rights::Rights,
};

/// A role by number, with the name that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Actor {
    oid: Oid,
    name: Identifier,
}

/// Who asks: the user that logged in, the session's user and the current role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    authenticated: Actor,
    session: Actor,
    current: Actor,
    epoch: u64,
}

impl Principal {
    /// Only authentication (and the crate's own service principals) make one.
    pub(crate) fn new(oid: Oid, name: Identifier) -> Self {
        let actor = Actor { oid, name };
        Self { authenticated: actor.clone(), session: actor.clone(), current: actor, epoch: 0 }
    }

    /// `session_user`.
    pub fn session_user(&self) -> &Identifier {
        &self.session.name
    }

    /// The session user's number.
    pub fn session_oid(&self) -> Oid {
        self.session.oid
    }

    /// `current_user`.
    pub fn current_user(&self) -> &Identifier {
        &self.current.name
    }

    /// The current role's number: whose rights a statement has.
    pub fn current_oid(&self) -> Oid {
        self.current.oid
    }

    /// Grows with every change of identity: a key for whatever is kept between statements.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// SET ROLE: `None` is NONE (and RESET ROLE). The session user must be a member with the SET option.
    pub fn set_role(&self, rights: &Rights, role: Option<&Identifier>) -> Result<Self, SecurityError> {
        let current = match role {
            None => self.session.clone(),
            Some(name) => {
                let role = rights.role_named(name).ok_or_else(|| {
                    SecurityError::new(
                        SecurityErrorKind::InvalidParameterValue,
                        format!("role \"{}\" does not exist", name.as_str()),
                    )
                })?;
                if !rights.roles().can_set(self.session.oid, role.oid) {
                    return Err(SecurityError::denied(format!(
                        "permission denied to set role \"{}\"",
                        name.as_str()
                    )));
                }
                Actor { oid: role.oid, name: role.name.clone() }
            }
        };
        Ok(Self {
            authenticated: self.authenticated.clone(),
            session: self.session.clone(),
            current,
            epoch: self.epoch + 1,
        })
    }

    /// SET SESSION AUTHORIZATION: `None` is DEFAULT. The user that logged in must be a superuser to become another.
    pub fn set_session_authorization(
        &self,
        rights: &Rights,
        user: Option<&Identifier>,
    ) -> Result<Self, SecurityError> {
        let session = match user {
            None => self.authenticated.clone(),
            Some(name) => {
                let role = rights.role_named(name).ok_or_else(|| {
                    SecurityError::new(
                        SecurityErrorKind::InvalidParameterValue,
                        format!("role \"{}\" does not exist", name.as_str()),
                    )
                })?;
                if role.oid != self.authenticated.oid && !rights.is_superuser(self.authenticated.oid) {
                    return Err(SecurityError::denied(format!(
                        "permission denied to set session authorization \"{}\"",
                        name.as_str()
                    )));
                }
                Actor { oid: role.oid, name: role.name.clone() }
            }
        };
        Ok(Self {
            authenticated: self.authenticated.clone(),
            current: session.clone(),
            session,
            epoch: self.epoch + 1,
        })
    }

    /// The principal in the rights of an object's owner, for work that is defined to run so (REFRESH MATERIALIZED VIEW).
    /// That the principal may have it done must have been judged.
    pub fn as_owner(&self, rights: &Rights, owner: Oid) -> Result<Self, SecurityError> {
        let role = rights.role(owner).ok_or_else(|| SecurityError::internal("an owner that is no role"))?;
        Ok(Self {
            authenticated: self.authenticated.clone(),
            session: self.session.clone(),
            current: Actor { oid: role.oid, name: role.name.clone() },
            epoch: self.epoch + 1,
        })
    }

    /// The same identity under the next epoch: for ROLLBACK and DISCARD, which bring an earlier identity back.
    #[must_use]
    pub fn with_epoch_after(&self, other: &Principal) -> Self {
        Self { epoch: self.epoch.max(other.epoch) + 1, ..self.clone() }
    }
}
