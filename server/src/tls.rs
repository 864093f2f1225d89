//! TLS: the certificate that `lis init` makes, and the acceptor that a server offers. `rustls` with `ring` is the one
//! crypto provider in the tree; it is named here and never installed globally.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    config::Config,
    error::{Condition, Result, ServerError},
};

/// Writes a self-signed certificate and its key (mode 0600). Existing files are left as they are.
pub(crate) fn make_certificate(certificate_path: &Path, key_path: &Path) -> Result<()> {
    if certificate_path.exists() && key_path.exists() {
        return Ok(());
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Some(host) = host_name() {
        names.push(host);
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| {
        ServerError::new(Condition::InternalError, format!("cannot make a certificate: {error}"))
    })?;
    write_private(key_path, made.signing_key.serialize_pem().as_bytes())?;
    write(certificate_path, made.cert.pem().as_bytes(), 0o644)
}

fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned();
    let plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '.';
    (!name.is_empty() && name != "localhost" && name.chars().all(plain)).then_some(name)
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content, 0o600)
}

/// Writes a file so that it is whole after a power cut too: a server does not start with half a certificate.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all()));
    written.map_err(ServerError::io(format!("cannot write {}", path.display())))
}

/// The acceptor for the configured certificate; `None` where there is none and TLS is not required.
pub(crate) fn acceptor(config: &Config) -> Result<Option<TlsAcceptor>> {
    let (certificate, key) = (&config.tls_certificate, &config.tls_key);
    if !certificate.exists() && !key.exists() && !config.tls_required {
        return Ok(None);
    }
    let unusable = |path: &Path, what: String| {
        ServerError::new(
            Condition::InvalidParameterValue,
            format!("cannot use {} for TLS: {what}", path.display()),
        )
        .with_hint("Give a certificate and its key in PEM form as tls.certificate and tls.key.")
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| unusable(certificate, error.to_string()))?;
    // Direct TLS (PostgreSQL 17's sslnegotiation=direct) names the protocol.
    tls.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_made_certificate_is_usable_and_its_key_private() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::of_directory(directory.path(), None).unwrap();
        assert!(acceptor(&config).unwrap().is_none());
        make_certificate(&config.tls_certificate, &config.tls_key).unwrap();
        assert!(acceptor(&config).unwrap().is_some());
        assert_eq!(fs::metadata(&config.tls_key).unwrap().permissions().mode() & 0o777, 0o600);
        config.tls_key = directory.path().join("missing");
        assert!(acceptor(&config).is_err());
    }
}
