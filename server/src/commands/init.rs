//! `lis init`: a new warehouse with its schemas, administrator and certificate. All of it, or an error that says what to
//! do; an existing warehouse is never touched.

use std::{path::Path, process::ExitCode, sync::Arc};

use lis_lake::{
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::Identifier,
    staged::NewSchema,
};
use lis_security::authenticate::scram::scram_verifier;
use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};

use super::print;
use crate::{
    config::{self, Config},
    error::{Condition, Result, ServerError},
    server::COMPONENTS,
    tls,
};

/// Characters of a password that is made: 24 letters and digits are 142 bits.
const PASSWORD_CHARACTERS: usize = 24;

/// Makes the warehouse and says how to go on.
pub(crate) async fn run(config: &Config) -> Result<ExitCode> {
    let given = config::administrator_password()
        .map_err(|error| ServerError::new(Condition::InvalidParameterValue, error.to_string()))?;
    let password = given.clone().unwrap_or_else(make_password);
    let lake = warehouse(config, &password).await?;
    lake.close().await?;
    let data = config.data.display();
    print(&format!("made a warehouse in {data}"))?;
    if given.is_none() {
        print(&format!("password of lis_admin (shown only now): {}", password.expose_secret()))?;
    }
    print(&format!("start it with: lis serve --data {data}"))
}

/// A password that nobody has to remember.
pub(crate) fn make_password() -> SecretString {
    Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_CHARACTERS).into()
}

/// Makes a warehouse in the configuration's directory.
pub(crate) async fn warehouse(config: &Config, password: &SecretString) -> Result<Arc<Lake>> {
    make_directory(&config.data)?;
    let lake = Lake::create(&config.data, COMPONENTS).await?;
    let mut staged = lake.stage(lake.snapshot().await?);
    let mut public = None;
    for name in ["public", "lis"] {
        let name = Identifier::exact(name);
        if staged.snapshot().schema_named(&name).is_none() {
            staged
                .create_schema(NewSchema { name: name.clone(), owner: Oid::ADMINISTRATOR, comment: None })
                .await?;
        }
        if name.as_str() == "public" {
            public = staged.snapshot().schema_named(&name).map(|schema| schema.id.oid());
        }
    }
    let parts = lis_security::initialise(scram_verifier(password)?, public);
    let info = CommitInfo {
        author: "lis_admin".to_owned(),
        message: "lis init".to_owned(),
        ..CommitInfo::default()
    };
    lake.commit(staged, parts, info).await?;
    tls::make_certificate(&config.tls_certificate, &config.tls_key)?;
    Ok(lake)
}

fn make_directory(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        ServerError::new(Condition::IoError, format!("cannot make the directory {}: {error}", path.display()))
            .with_hint("Name a directory that you may write to with --data DIR.")
    })
}
