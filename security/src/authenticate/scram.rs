//! SCRAM-SHA-256 verifiers in PostgreSQL's text form, `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`: what
//! is stored instead of a password, and from which a login is checked without ever seeing one. The exchange of messages
//! is the server's; PostgreSQL's own verifiers (from `pg_dumpall`, say) are taken as they are.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{SecurityError, SecurityErrorKind};

/// PBKDF2's rounds of the verifiers that we make: PostgreSQL's default.
pub const ITERATIONS: u32 = 4096;
/// Rounds beyond this in a given verifier are refused: they would cost every login.
pub const ITERATIONS_MAX: u32 = 1_000_000;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const PREFIX: &str = "SCRAM-SHA-256$";

/// A SCRAM-SHA-256 verifier.
#[derive(Clone)]
pub struct Verifier {
    /// The salt.
    pub salt: Vec<u8>,
    /// PBKDF2's rounds.
    pub iterations: u32,
    /// `SHA256(ClientKey)`
    pub stored_key: Vec<u8>,
    /// `HMAC(SaltedPassword, "Server Key")`
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Verifier {
    /// The verifier of a password.
    pub fn of(password: &SecretString, salt: &[u8], iterations: u32) -> Result<Self, SecurityError> {
        // What SASLprep refuses is used as it is, as PostgreSQL does.
        let prepared = stringprep::saslprep(password.expose_secret())
            .unwrap_or_else(|_| password.expose_secret().into());
        let mut salted = [0_u8; KEY_BYTES];
        pbkdf2::pbkdf2::<Hmac<Sha256>>(prepared.as_bytes(), salt, iterations, &mut salted)
            .map_err(|_| SecurityError::internal("cannot derive a key"))?;
        let client_key = mac(&salted, b"Client Key")?;
        Ok(Self {
            salt: salt.to_vec(),
            iterations,
            stored_key: Sha256::digest(&client_key).to_vec(),
            server_key: mac(&salted, b"Server Key")?,
        })
    }

    /// Reads PostgreSQL's text form.
    pub fn parse(text: &str) -> Option<Self> {
        let (iterations_salt, keys) = text.strip_prefix(PREFIX)?.split_once('$')?;
        let (iterations, salt) = iterations_salt.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let verifier = Self {
            salt: STANDARD.decode(salt).ok()?,
            iterations: iterations.parse().ok()?,
            stored_key: STANDARD.decode(stored_key).ok()?,
            server_key: STANDARD.decode(server_key).ok()?,
        };
        let sound = (1..=ITERATIONS_MAX).contains(&verifier.iterations)
            && !verifier.salt.is_empty()
            && verifier.stored_key.len() == KEY_BYTES
            && verifier.server_key.len() == KEY_BYTES;
        sound.then_some(verifier)
    }

    /// PostgreSQL's text form.
    pub fn to_text(&self) -> SecretString {
        SecretString::from(format!(
            "{PREFIX}{}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(&self.stored_key),
            STANDARD.encode(&self.server_key)
        ))
    }

    /// Whether this is the password's verifier; for passwords that arrive in the clear over TLS.
    pub fn accepts(&self, password: &SecretString) -> bool {
        Self::of(password, &self.salt, self.iterations)
            .is_ok_and(|other| bool::from(other.stored_key.ct_eq(&self.stored_key)))
    }

    /// The verifier of a user that does not exist: the same for the same name each time, unlike anybody's, and nobody
    /// knows its password, since its keys are derived from the server's secret and not from a password.
    pub(crate) fn mock(secret: &[u8], user: &str) -> Result<Self, SecurityError> {
        let derived = |label: &[u8]| mac(secret, &[label, user.as_bytes()].concat());
        let mut salt = derived(b"salt\0")?;
        salt.truncate(SALT_BYTES);
        Ok(Self {
            salt,
            iterations: ITERATIONS,
            stored_key: derived(b"stored\0")?,
            server_key: derived(b"server\0")?,
        })
    }
}

/// `SCRAM-SHA-256$4096:salt$stored:server` of a password, with a new random salt. What is a verifier already is taken as
/// it is.
pub fn scram_verifier(password: &SecretString) -> Result<SecretString, SecurityError> {
    if Verifier::parse(password.expose_secret()).is_some() {
        return Ok(password.clone());
    }
    if password.expose_secret().starts_with("md5") && password.expose_secret().len() == 35 {
        return Err(SecurityError::new(
            SecurityErrorKind::FeatureNotSupported,
            "md5 password verifiers are not supported",
        )
        .with_hint("Give the password itself or a SCRAM-SHA-256 verifier."));
    }
    let mut salt = [0_u8; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    Verifier::of(password, &salt, ITERATIONS).map(|verifier| verifier.to_text())
}

fn mac(key: &[u8], message: &[u8]) -> Result<Vec<u8>, SecurityError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| SecurityError::internal("cannot make a message authentication code"))?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677's example: user `user`, password `pencil`.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::of(&SecretString::from("pencil"), &salt, 4096).unwrap();
        assert_eq!(
            verifier.to_text().expose_secret(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn text_form_is_read_back_and_accepts_only_its_password() {
        let text = scram_verifier(&SecretString::from("hemligt\u{ad}å")).unwrap();
        let verifier = Verifier::parse(text.expose_secret()).unwrap();
        assert!(verifier.accepts(&SecretString::from("hemligtå")), "SASLprep drops the soft hyphen");
        assert!(!verifier.accepts(&SecretString::from("hemligta")));
        assert_eq!(scram_verifier(&text).unwrap().expose_secret(), text.expose_secret());
        assert!(Verifier::parse("SCRAM-SHA-256$0:AAAA$AAAA:AAAA").is_none());
        assert!(Verifier::parse("md5").is_none());
        assert!(!format!("{verifier:?} {text:?}").contains("stored_key"));
    }

    #[test]
    fn unknown_users_look_like_known_ones() {
        let one = Verifier::mock(b"secret", "nobody").unwrap();
        let again = Verifier::mock(b"secret", "nobody").unwrap();
        let other = Verifier::mock(b"secret", "somebody").unwrap();
        assert_eq!((one.salt.len(), one.iterations), (SALT_BYTES, ITERATIONS));
        assert_eq!(one.salt, again.salt, "asked twice, it must not give itself away");
        assert_ne!(one.salt, other.salt);
    }
}
