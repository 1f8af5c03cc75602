//! TLS to the database: as `sslmode` says, which knows rules that no other connection of the bridge has.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::verify::TrustRule;
use super::{TlsError, ca_file_rule, system_roots};

/// How the server of the database is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseTrust {
    /// Not at all: only who listens on the way is kept out.
    Encrypted,
    /// By an authority of this file, or of the system.
    Issued(Option<PathBuf>),
    /// By that, and the name in its certificate.
    IssuedToHost(Option<PathBuf>),
}

/// The TLS configuration for a database.
///
/// # Errors
/// When the authorities cannot be read, or there are none.
pub fn database_config(trust: &DatabaseTrust) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = match trust {
        DatabaseTrust::Encrypted => None,
        DatabaseTrust::Issued(file) | DatabaseTrust::IssuedToHost(file) => {
            let rule = match file {
                Some(file) => ca_file_rule(file, &provider)?,
                None => system_roots(&provider)?,
            };
            match rule {
                TrustRule::Authorities { verifier, exact } => Some((verifier, exact)),
                TrustRule::Pin(_) => None,
            }
        }
    };
    let verifier = DatabaseVerifier {
        authorities,
        checks_name: matches!(trust, DatabaseTrust::IssuedToHost(_)),
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // rustls calls any custom verifier "dangerous".
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The authorities, and the certificates that are listed themselves: a self-signed one is its own authority.
type Authorities = (Option<Arc<WebPkiServerVerifier>>, Vec<CertificateDer<'static>>);

/// Checks the certificate of a database. rustls verifies in every case that the server holds its key.
#[derive(Debug)]
struct DatabaseVerifier {
    /// `None` if any certificate will do.
    authorities: Option<Authorities>,
    checks_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for DatabaseVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some((verifier, exact)) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        if exact.contains(certificate) {
            if self.checks_name {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let unknown = Err(CertificateError::UnknownIssuer.into());
        let verified = verifier.as_ref().map_or(unknown, |verifier| {
            verifier.verify_server_cert(certificate, others, name, ocsp, now)
        });
        match verified {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    /// What each `sslmode` says to this certificate of `db.example`, with this file of authorities.
    fn verdicts(certificate: &CertificateDer<'_>, authorities: &str, host: &str) -> [bool; 3] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(authorities.as_bytes()).unwrap();
        let path = Some(file.path().to_owned());
        let trusts = [
            DatabaseTrust::Encrypted,
            DatabaseTrust::Issued(path.clone()),
            DatabaseTrust::IssuedToHost(path),
        ];
        trusts.map(|trust| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let authorities = match &trust {
                DatabaseTrust::Encrypted => None,
                DatabaseTrust::Issued(file) | DatabaseTrust::IssuedToHost(file) => {
                    match ca_file_rule(file.as_ref().unwrap(), &provider).unwrap() {
                        TrustRule::Authorities { verifier, exact } => Some((verifier, exact)),
                        TrustRule::Pin(_) => None,
                    }
                }
            };
            let checks_name = matches!(trust, DatabaseTrust::IssuedToHost(_));
            let verifier = DatabaseVerifier { authorities, checks_name, provider };
            let name = ServerName::try_from(host.to_owned()).unwrap();
            let now = UnixTime::now();
            assert!(database_config(&trust).is_ok());
            verifier.verify_server_cert(certificate, &[], &name, &[], now).is_ok()
        })
    }

    #[test]
    fn each_sslmode_looks_at_more() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
        let server = params.signed_by(&key, &authority).unwrap();
        let own = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
        for (certificate, authorities, host, expected) in [
            (server.der(), authority.pem(), "db.example", [true, true, true]),
            (server.der(), authority.pem(), "other.example", [true, true, false]),
            (server.der(), own.cert.pem(), "db.example", [true, false, false]),
            (own.cert.der(), own.cert.pem(), "db.example", [true, true, true]),
            (own.cert.der(), own.cert.pem(), "other.example", [true, true, false]),
            (own.cert.der(), authority.pem(), "db.example", [true, false, false]),
        ] {
            assert_eq!(verdicts(certificate, &authorities, host), expected, "{host}");
        }
    }
}
