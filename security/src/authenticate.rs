//! Connection facts and credentials to a [`Principal`], in two steps round the exchange of SCRAM messages, which is the
//! server's. [`login`] gives a verifier whether or not there is such a user, and [`finish_login`] tells the difference
//! only after the exchange: an unknown user, a user without a password, an expired one and a wrong password cost the
//! same and get the same answer. The true reason goes to the audit with the error.
//!
//! What is told apart is told only to who knew the password: that the role may not log in, or has too many connections.

pub mod scram;

use chrono::Utc;
use lis_lake::{ids::Oid, names::Identifier};
use secrecy::ExposeSecret;

use crate::{
    error::{SecurityError, SecurityErrorKind},
    principal::Principal,
    rights::Rights,
};
use scram::Verifier;

/// What a user that begins to log in must prove, without saying whether there is such a user.
#[derive(Debug)]
pub struct LoginChallenge {
    user: Identifier,
    verifier: Verifier,
    /// The role whose verifier it is, or why it is a mock one.
    genuine: Result<Oid, &'static str>,
}

impl LoginChallenge {
    /// The user named.
    pub fn user(&self) -> &Identifier {
        &self.user
    }

    /// The verifier for the SCRAM exchange: the user's own or a mock one.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// Begins a login. `user` is taken as the client sent it: names in a startup message are not folded.
pub fn login(rights: &Rights, user: &str) -> Result<LoginChallenge, SecurityError> {
    let user = Identifier::exact(user);
    // Derived for known users too, so that both cost the same.
    let mock = Verifier::mock(&rights.mock_secret, user.as_str())?;
    let (verifier, genuine) = match rights.role_named(&user) {
        None => (mock, Err("there is no such role")),
        Some(role) => match role.verifier.as_ref().map(|text| Verifier::parse(text.expose_secret())) {
            None => (mock, Err("the role has no password")),
            Some(None) => (mock, Err("the role's verifier is damaged")),
            Some(Some(verifier)) => (verifier, Ok(role.oid)),
        },
    };
    Ok(LoginChallenge { user, verifier, genuine })
}

/// Ends a login. `proved` is whether the exchange succeeded; `connections_open` counts the user's open connections
/// without this one. The rights are taken anew, since the exchange may have taken its time.
pub fn finish_login(
    rights: &Rights,
    challenge: LoginChallenge,
    proved: bool,
    connections_open: usize,
) -> Result<Principal, SecurityError> {
    let refused = |reason: &str| {
        SecurityError::new(
            SecurityErrorKind::InvalidPassword,
            format!("password authentication failed for user \"{}\"", challenge.user.as_str()),
        )
        .with_audit_reason(reason)
    };
    let oid = match challenge.genuine {
        Err(reason) => return Err(refused(reason)),
        Ok(_) if !proved => return Err(refused("wrong password")),
        Ok(oid) => oid,
    };
    let Some(role) = rights.role(oid) else { return Err(refused("the role was dropped meanwhile")) };
    if role.valid_until_us.is_some_and(|until| until <= Utc::now().timestamp_micros()) {
        return Err(refused("the password has expired"));
    }
    if !role.login {
        return Err(SecurityError::new(
            SecurityErrorKind::InvalidAuthorizationSpecification,
            format!("role \"{}\" is not permitted to log in", role.name.as_str()),
        ));
    }
    let limit = usize::try_from(role.connection_limit).ok();
    if !role.superuser && limit.is_some_and(|limit| connections_open >= limit) {
        return Err(SecurityError::new(
            SecurityErrorKind::TooManyConnections,
            format!("too many connections for role \"{}\"", role.name.as_str()),
        ));
    }
    Ok(Principal::new(role.oid, role.name.clone()))
}

/// A principal of the server's own for a role by name: for loaders' models and assertions, which run as their source's
/// role, and for tests. Whoever can call this has the process already; no client's message leads here.
pub fn service_principal(rights: &Rights, role: &Identifier) -> Result<Principal, SecurityError> {
    let role = rights.role_named(role).ok_or_else(|| SecurityError::no_role(role))?;
    Ok(Principal::new(role.oid, role.name.clone()))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::roles::Role;

    fn rights(change: impl Fn(&mut Role)) -> Rights {
        let mut rights = Rights { mock_secret: vec![1_u8; 32].into(), ..Rights::default() };
        let mut role = Role::new(Oid::new(20000), Identifier::exact("anna"));
        role.login = true;
        role.verifier =
            Some(Verifier::of(&SecretString::from("hemligt"), b"0123456789abcdef", 1).unwrap().to_text());
        change(&mut role);
        rights.roles.put(role);
        rights
    }

    fn attempt(rights: &Rights, user: &str, proved: bool, open: usize) -> Result<Principal, SecurityError> {
        finish_login(rights, login(rights, user).unwrap(), proved, open)
    }

    #[test]
    fn every_failed_proof_looks_the_same() {
        let known = rights(|_| {});
        assert!(attempt(&known, "anna", true, 0).is_ok());
        let refusals = [
            attempt(&known, "anna", false, 0),
            attempt(&rights(|role| role.verifier = None), "anna", false, 0),
            attempt(&rights(|role| role.verifier = None), "anna", true, 0),
            attempt(&rights(|role| role.valid_until_us = Some(0)), "anna", true, 0),
            attempt(&Rights { mock_secret: vec![1_u8; 32].into(), ..Rights::default() }, "anna", true, 0),
        ];
        for refusal in refusals {
            let error = refusal.unwrap_err();
            assert_eq!(error.kind, SecurityErrorKind::InvalidPassword);
            assert_eq!(error.message, "password authentication failed for user \"anna\"");
            assert!(error.audit_reason.is_some());
        }
    }

    #[test]
    fn who_knows_the_password_is_told_the_rest() {
        let error = attempt(&rights(|role| role.login = false), "anna", true, 0).unwrap_err();
        assert_eq!(error.kind, SecurityErrorKind::InvalidAuthorizationSpecification);
        let limited = rights(|role| role.connection_limit = 2);
        assert!(attempt(&limited, "anna", true, 1).is_ok());
        let error = attempt(&limited, "anna", true, 2).unwrap_err();
        assert_eq!(error.kind, SecurityErrorKind::TooManyConnections);
    }
}
