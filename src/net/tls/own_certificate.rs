//! Client certificates that the bridge makes for puppets, and the fingerprints by which services know them.

use data_encoding::HEXLOWER;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use crate::domain::{PuppetCertificate, Secret};

/// The longest common name (RFC 5280, appendix A: `ub-common-name`), in characters.
const MAX_LEN_NAME: usize = 64;

/// The fingerprints of a certificate, in hexadecimal digits. Which of them services want depends on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFingerprints {
    /// Of most servers.
    pub sha256: String,
    /// Of some with long ones.
    pub sha512: String,
    /// Of old ones.
    pub sha1: String,
}

/// Makes a self-signed client certificate with a new key (EC P-256), for the user with this name.
///
/// # Errors
/// When the system has no random numbers.
pub fn make_client_certificate(name: &str) -> Result<PuppetCertificate, TlsError> {
    let failed = |error: rcgen::Error| TlsError::OwnCertificate(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_LEN_NAME).collect();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key).map_err(failed)?;
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    Ok(PuppetCertificate::new(Secret::new(pem)))
}

/// The fingerprints of a certificate in PEM; `None` if it is none.
#[must_use]
pub fn fingerprints_of(pem: &str) -> Option<CertificateFingerprints> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let print =
        |algorithm: &'static Algorithm| HEXLOWER.encode(digest(algorithm, &certificate).as_ref());
    Some(CertificateFingerprints {
        sha256: print(&SHA256),
        sha512: print(&SHA512),
        sha1: print(&SHA1_FOR_LEGACY_USE_ONLY),
    })
}

/// The certificate and its key.
pub(super) fn parse(
    pem: &Secret,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let damaged = |_| TlsError::OwnCertificate("it is damaged".to_owned());
    let pem = pem.expose().as_bytes();
    let certificate = CertificateDer::from_pem_slice(pem).map_err(damaged)?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(damaged)?;
    Ok((vec![certificate], key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CertificatePin, TlsTrust};
    use crate::net::tls::client_config_with_pem;

    #[test]
    fn certificate_can_be_connected_with_and_has_fingerprints() {
        let made = make_client_certificate("ann\u{7}").expect("random numbers");
        let trust = TlsTrust::Pin(CertificatePin::new([7; 32]));
        assert!(client_config_with_pem(&trust, made.pem()).is_ok());
        let prints = fingerprints_of(made.without_key()).expect("a certificate");
        assert_eq!(fingerprints_of(made.pem().expose()), Some(prints.clone()));
        let lengths = [&prints.sha1, &prints.sha256, &prints.sha512].map(String::len);
        assert_eq!(lengths, [40, 64, 128]);
        assert!(!made.without_key().contains("PRIVATE"));
        let other = make_client_certificate("ann").expect("random numbers");
        assert_ne!(made, other);
    }

    #[test]
    fn damaged_certificate_is_none() {
        assert_eq!(fingerprints_of("hello"), None);
        let trust = TlsTrust::Pin(CertificatePin::new([7; 32]));
        let error = client_config_with_pem(&trust, &Secret::new("hello")).expect_err("damaged");
        assert_eq!(error.to_string(), "the client certificate of a puppet: it is damaged");
    }
}
