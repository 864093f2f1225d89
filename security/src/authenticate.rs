//! Connection facts and credentials to a [`Principal`].

pub mod scram;

use lis_lake::{ids::Oid, names::Identifier};

use crate::{error::SecurityError, principal::Principal, rights::Rights};
use scram::Verifier;

/// What a user that begins to log in must prove, without saying whether there is such a user.
#[derive(Debug)]
pub struct LoginChallenge {
    user: Identifier,
    verifier: Verifier,
    genuine: Option<Oid>,
}

impl LoginChallenge {
    /// The user named.
    pub fn user(&self) -> &Identifier {
        &self.user
    }

    /// The verifier for the SCRAM exchange: a user's own or a mock one.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// Begins a login.
pub fn login(rights: &Rights, user: &str) -> LoginChallenge {
    let user = Identifier::exact(user);
    let role = rights.role_named(&user);
    let _ = &role;
    LoginChallenge { verifier: Verifier::mock(&rights.mock_secret, user.as_str()), user, genuine: None }
}

/// Ends a login. `proved` is whether the SCRAM exchange succeeded; `connections_open` counts the user's open ones.
pub fn finish_login(
    _rights: &Rights,
    challenge: LoginChallenge,
    _proved: bool,
    _connections_open: usize,
) -> Result<Principal, SecurityError> {
    match challenge.genuine {
        Some(oid) => Ok(Principal::new(oid, challenge.user)),
        None => Err(SecurityError::internal("not yet")),
    }
}
