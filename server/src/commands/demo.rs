//! `lis demo`: the fictional city Exempelstad, from nothing to a served warehouse: made, loaded through the loaders as any
//! delivery, its users and rights made through SQL as any user's. A directory that holds a demo already is only served.

use std::{collections::BTreeMap, path::Path, process::ExitCode, sync::Arc, time::Instant};

use lis_loaders::{
    BatchOutcome,
    city::{self, City, CityOptions},
    config::LoadSpec,
};
use secrecy::{ExposeSecret, SecretString};

use super::{init, internal::InternalSession, load, print, progress, serve, step};
use crate::{
    cli::DemoArguments,
    config::{self, Config},
    error::{Condition, Result, ServerError},
    listener,
    server::Server,
    tls,
};

/// Where the users' passwords are.
const CREDENTIALS: &str = "demo-credentials.txt";
/// A demo that was not finished has this file; it is made anew.
const UNFINISHED: &str = "demo-unfinished";

/// Runs the command.
pub(crate) async fn run(config: Config, arguments: DemoArguments) -> Result<ExitCode> {
    let credentials = config.data.join(CREDENTIALS);
    let unfinished = config.data.join(UNFINISHED);
    if unfinished.exists() {
        return Err(ServerError::new(
            Condition::ObjectNotInPrerequisiteState,
            format!("an earlier demo in {} was not finished", config.data.display()),
        )
        .with_hint("Remove the directory, or name another with --data DIR."));
    }
    let server = if credentials.exists() {
        step(&format!("there is a demo in {}; serving it", config.data.display()));
        Server::open(config).await?
    } else {
        make(config, &arguments, &unfinished).await?
    };
    if arguments.no_serve {
        server.lake.close().await?;
        return print(&format!(
            "the demo is in {data}; serve it with: lis serve --data {data}",
            data = server.config.data.display()
        ));
    }
    let listener = listener::bind(server.config.listen).await?;
    let address = listener.local_addr().map_err(ServerError::io("asking for the port"))?;
    print(&tour(&read_credentials(&credentials)?, address))?;
    serve::until_stopped(server, listener).await
}

async fn make(config: Config, arguments: &DemoArguments, unfinished: &Path) -> Result<Arc<Server>> {
    let began = Instant::now();
    let password = config::administrator_password()
        .map_err(|error| ServerError::new(Condition::InvalidParameterValue, error.to_string()))?
        .unwrap_or_else(init::make_password);
    step("making the warehouse");
    let lake = init::warehouse(&config, &password).await?;
    std::fs::write(unfinished, b"")
        .map_err(ServerError::io(format!("cannot write {}", unfinished.display())))?;
    let directory = config.data.clone();
    let server = Server::over(config, lake).await?;
    step(&format!("making Exempelstad at scale {}", arguments.scale));
    let options = CityOptions { scale: arguments.scale, seed: arguments.seed };
    let generated = tokio::task::spawn_blocking(move || city::generate(&directory, options)).await;
    let city = match generated {
        Ok(city) => {
            city.map_err(|error| ServerError::new(Condition::InvalidParameterValue, error.to_string()))?
        }
        Err(error) => return Err(ServerError::Panicked(error.to_string())),
    };
    let written = deliver(&server, &city).await?;
    step("making users and rights");
    let mut passwords = BTreeMap::from([("lis_admin".to_owned(), password)]);
    set_up(&server, &city, &mut passwords).await?;
    let lines: String =
        passwords.iter().map(|(user, password)| format!("{user} {}\n", password.expose_secret())).collect();
    tls::write_private(&server.config.data.join(CREDENTIALS), lines.as_bytes())?;
    std::fs::remove_file(unfinished)
        .map_err(ServerError::io(format!("cannot remove {}", unfinished.display())))?;
    step(&format!("loaded {} rows in {:.1} s", load::grouped(written), began.elapsed().as_secs_f64()));
    Ok(server)
}

/// Loads the city's deliveries, in order. How many rows were written.
async fn deliver(server: &Arc<Server>, city: &City) -> Result<u64> {
    let mut specs: BTreeMap<&str, Arc<LoadSpec>> = BTreeMap::new();
    let mut written = 0;
    for delivery in &city.deliveries {
        let spec = match specs.get(delivery.source.as_str()) {
            Some(spec) => Arc::clone(spec),
            None => {
                let spec = Arc::new(LoadSpec::named(server.lake.directory(), &delivery.source)?);
                specs.insert(&delivery.source, Arc::clone(&spec));
                spec
            }
        };
        let mut request = load::request(server, spec, progress::of_load());
        request.files.clone_from(&delivery.files);
        request.date = Some(delivery.date);
        let report = lis_loaders::load(request).await?;
        for batch in &report.batches {
            step(&load::describe(batch));
            written += batch.tables.iter().map(|table| table.rows_written).sum::<u64>();
            let published =
                matches!(batch.outcome, BatchOutcome::Published { .. } | BatchOutcome::AlreadyLoaded { .. });
            if published == delivery.refused {
                return Err(ServerError::new(
                    Condition::InternalError,
                    format!(
                        "{} should {}have been published",
                        batch.key,
                        if delivery.refused { "not " } else { "" }
                    ),
                ));
            }
        }
    }
    Ok(written)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Administrations, users and their rights, and what the city wants besides: one transaction.
async fn set_up(
    server: &Arc<Server>,
    city: &City,
    passwords: &mut BTreeMap<String, SecretString>,
) -> Result<()> {
    let mut statements = vec!["BEGIN".to_owned()];
    for administration in &city.administrations {
        let parent = administration.parent.as_deref().map_or_else(|| "NULL".to_owned(), literal);
        statements.push(format!(
            "CALL lis.create_administration({}, {}, {parent})",
            literal(&administration.code),
            literal(&administration.name),
        ));
    }
    for user in &city.users {
        let password = init::make_password();
        statements.push(format!("CREATE USER {} PASSWORD {}", user.name, literal(password.expose_secret())));
        for code in &user.administrations {
            statements.push(format!("GRANT adm_{code} TO {}", user.name));
        }
        passwords.insert(user.name.clone(), password);
    }
    statements.extend(city.statements.iter().cloned());
    statements.push("COMMIT".to_owned());
    let mut session = InternalSession::new(server, "lis_admin").await?;
    for statement in &statements {
        session.run(statement).await.inspect_err(|_| {
            let shown = lis_security::audit::blank_secrets(statement);
            step(&format!("failed: {}", shown.lines().next().unwrap_or_default()));
        })?;
    }
    Ok(())
}

fn read_credentials(path: &Path) -> Result<Vec<(String, String)>> {
    let text =
        std::fs::read_to_string(path).map_err(ServerError::io(format!("cannot read {}", path.display())))?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs.map(|(user, password)| (user.to_owned(), password.to_owned())).collect())
}

/// How to connect, and what to try first.
fn tour(credentials: &[(String, String)], address: std::net::SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    let password = |user: &str| {
        credentials
            .iter()
            .find(|(name, _)| name == user)
            .map(|(_, password)| password.as_str())
            .unwrap_or_default()
    };
    let chef = credentials
        .iter()
        .map(|(user, _)| user.as_str())
        .find(|user| user.starts_with("chef_"))
        .unwrap_or("finans");
    let psql = |user: &str| format!("PGPASSWORD={} psql -h {host} -p {port} -U {user} lis", password(user));
    format!(
        "\n\
         Exempelstad is served. It is fictional: its districts, people and amounts are made up.\n\
         \n\
         Connect with psql:\n  {finans}\n\
         or over ODBC:\n  Driver=PostgreSQL Unicode;Server={host};Port={port};Database=lis;UID=finans;PWD={finans_password};SSLmode=require\n\
         \n\
         Users (passwords in {CREDENTIALS}): lis_admin, the administrator; finans sees every administration;\n\
         chef_<code> sees one; utan sees no rows.\n\
         \n\
         Three things to try in 90 seconds:\n\
         1. The wages, asked by two users: the rows differ, the query does not.\n     \
            {finans} -c \"select count(*), sum(belopp) as wages from ekonomi.verifikationsrad where konto like '5%'\"\n     \
            {chef} -c \"select count(*), sum(belopp) as wages from ekonomi.verifikationsrad where konto like '5%'\"\n\
         2. The report that every board gets, each its own.\n     \
            {chef} -c \"select * from rapport.budgetuppfoljning order by 1, 2 limit 12\"\n\
         3. What came in, and what was rejected and why.\n     \
            {admin} -c \"select * from lis.batches order by batch desc limit 5\" -c \"select rule, count(*) from lis.rejects group by rule order by 2 desc\"\n",
        finans = psql("finans"),
        finans_password = password("finans"),
        chef = psql(chef),
        admin = psql("lis_admin"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_has_the_port_and_the_passwords() {
        let credentials = [("chef_101", "aaa"), ("finans", "bbb"), ("lis_admin", "ccc")]
            .map(|(user, password)| (user.to_owned(), password.to_owned()));
        let text = tour(&credentials, "127.0.0.1:7777".parse().unwrap());
        for part in ["7777", "PGPASSWORD=aaa", "PGPASSWORD=bbb", "PGPASSWORD=ccc", "chef_101"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
