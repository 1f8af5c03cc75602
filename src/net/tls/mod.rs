//! TLS configuration: trusted certificates, client certificates, the handshake, and connections that are handed over.

mod advice;
mod database;
mod handshake;
mod own_certificate;
mod rejected;
pub mod takeover;
mod verify;
mod x509;

pub use advice::Advice;
pub use database::{DatabaseTrust, database_config};
pub(super) use handshake::find_tls_error;
pub use handshake::{HandshakeError, handshake, handshake_kept};
pub use own_certificate::{CertificateFingerprints, fingerprints_of, make_client_certificate};
pub use rejected::{Fingerprint, RejectedCert, RejectionCause};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use crate::config::{ClientCertificate, TlsTrust, read_pem};
use crate::domain::Secret;

use verify::{CertVerifier, TrustRule};

/// Why TLS cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system has no readable certificate authorities.
    #[error(
        "no readable system CA certificates{0}: install the package `ca-certificates`, or set \
         `ca_file` or `pin_sha256`"
    )]
    NoSystemRoots(String),
    /// The CA file cannot be used.
    #[error("ca_file {}: {reason}", path.display())]
    CaFile {
        /// Its path, as configured.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The client certificate or its key cannot be used.
    #[error("the client certificate's {}: {reason}", path.display())]
    ClientCertificate {
        /// Its path, as configured.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A client certificate cannot be made or used.
    #[error("the client certificate of a puppet: {0}")]
    OwnCertificate(String),
    /// An error of the TLS library's setup.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// The TLS configuration for servers covered by `trust`: IRC, websocket and REST.
///
/// Certificates issued by those in a CA file are accepted. Those in the file are also accepted themselves,
/// whatever their names and dates. A self-signed certificate is often its own authority (`openssl req -x509`
/// creates such), and the web PKI does not accept an authority as a server certificate.
///
/// # Errors
/// When the authorities cannot be read, or there are none.
pub fn client_config(trust: &TlsTrust) -> Result<Arc<ClientConfig>, TlsError> {
    client_config_with_cert(trust, None)
}

/// Like [`client_config`], with a client certificate.
///
/// # Errors
/// Those of [`client_config`], and when the certificate or its key cannot be read.
pub fn client_config_with_cert(
    trust: &TlsTrust,
    own: Option<&ClientCertificate>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = config_builder(trust)?;
    let config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let (chain, key) = load_client_certificate(own)?;
            let mismatched = |error: rustls::Error| {
                client_certificate_error(&own.cert_file, format!("its key: {error}"))
            };
            config.with_client_auth_cert(chain, key).map_err(mismatched)?
        }
    };
    Ok(Arc::new(config))
}

/// Like [`client_config`], with a client certificate that the bridge made ([`make_client_certificate`]).
///
/// # Errors
/// Those of [`client_config`], and when this is not a certificate with its key.
pub fn client_config_with_pem(
    trust: &TlsTrust,
    pem: &Secret,
) -> Result<Arc<ClientConfig>, TlsError> {
    let (chain, key) = own_certificate::parse(pem)?;
    Ok(Arc::new(config_builder(trust)?.with_client_auth_cert(chain, key)?))
}

/// The start of a configuration for servers covered by `trust`.
fn config_builder(
    trust: &TlsTrust,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    // Set explicitly, to be independent of the process-wide default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let rule = match trust {
        TlsTrust::System => system_roots(&provider)?,
        TlsTrust::CaFile(path) => ca_file_rule(path, &provider)?,
        TlsTrust::Pin(pin) => TrustRule::Pin(Fingerprint(*pin.as_bytes())),
    };
    let judge = Arc::new(CertVerifier::new(rule, &provider));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // rustls calls any custom verifier "dangerous". Ours delegates to rustls for all certificates except
        // those listed individually.
        .dangerous()
        .with_custom_certificate_verifier(judge);
    Ok(config)
}

fn load_client_certificate(
    own: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let read =
        |path: &Path| read_pem(path).map_err(|it| client_certificate_error(path, it.to_string()));
    let chain = CertificateDer::pem_slice_iter(&read(&own.cert_file)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            client_certificate_error(&own.cert_file, format!("is damaged: {error}"))
        })?;
    let key = PrivateKeyDer::from_pem_slice(&read(&own.key_file)?).map_err(|error| {
        client_certificate_error(&own.key_file, format!("has no private key: {error}"))
    })?;
    Ok((chain, key))
}

fn client_certificate_error(path: &Path, reason: String) -> TlsError {
    TlsError::ClientCertificate { path: path.to_owned(), reason }
}

fn system_roots(provider: &Arc<CryptoProvider>) -> Result<TrustRule, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Old authorities that do not parse are common; this affects only certificates that they issued.
    let (_, unparsable) = roots.add_parsable_certificates(found.certs);
    let mut problems: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    if unparsable > 0 {
        problems.push(format!("{unparsable} cannot be parsed"));
    }
    if roots.is_empty() {
        let problems = problems.join("; ");
        return Err(TlsError::NoSystemRoots(match problems.as_str() {
            "" => problems,
            _ => format!(" ({problems})"),
        }));
    }
    if !problems.is_empty() {
        tracing::warn!(
            usable = roots.len(),
            problems = problems.join("; "),
            "some system CA certificates are unusable"
        );
    }
    Ok(TrustRule::Authorities {
        verifier: Some(web_pki_verifier(roots, provider)?),
        exact: Vec::new(),
    })
}

fn ca_file_rule(path: &Path, provider: &Arc<CryptoProvider>) -> Result<TrustRule, TlsError> {
    let wrong = |reason: String| TlsError::CaFile { path: path.to_owned(), reason };
    let pem = read_pem(path).map_err(|error| wrong(error.to_string()))?;
    let listed = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(format!("is damaged: {error}")))?;
    if listed.is_empty() {
        return Err(wrong("has no certificate in PEM (`-----BEGIN CERTIFICATE-----`)".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    // An entry that is not an authority may still be the server's own certificate.
    roots.add_parsable_certificates(listed.iter().cloned());
    let chains = if roots.is_empty() { None } else { Some(web_pki_verifier(roots, provider)?) };
    Ok(TrustRule::Authorities { verifier: chains, exact: listed })
}

fn web_pki_verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TlsError::Library(rustls::Error::General(error.to_string())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;
    use crate::config::CertificatePin;

    #[track_caller]
    fn ca_file_fails(contents: &str, words: &str) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(contents.as_bytes()).unwrap();
        let error =
            client_config(&TlsTrust::CaFile(file.path().to_owned())).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.contains(&file.path().display().to_string()), "{error}");
    }

    #[test]
    fn ca_file_without_certificates_is_an_error() {
        ca_file_fails("", "no certificate in PEM");
        ca_file_fails("hello\n", "no certificate in PEM");
        ca_file_fails("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "damaged");
        ca_file_fails("-----BEGIN CERTIFICATE-----\nAAAA\n", "damaged");
    }

    #[test]
    fn missing_ca_file_is_named_in_the_error() {
        let error = client_config(&TlsTrust::CaFile("/nonexistent/ca.pem".into())).unwrap_err();
        assert!(error.to_string().starts_with("ca_file /nonexistent/ca.pem: "), "{error}");
    }

    #[test]
    fn pin_needs_no_system_roots() {
        assert!(client_config(&TlsTrust::Pin(CertificatePin::new([7; 32]))).is_ok());
    }
}
