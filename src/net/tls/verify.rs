//! Verifies server certificates.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::advice::Shown;
use super::x509::Facts;
use super::{Fingerprint, RejectedCert, RejectionCause};

/// Checks certificates against a [`TrustRule`]. rustls verifies in every case that the server holds the
/// certificate's key.
#[derive(Debug)]
pub(super) struct CertVerifier {
    rule: TrustRule,
    provider: Arc<CryptoProvider>,
}

/// Which certificates are accepted.
#[derive(Debug)]
pub(super) enum TrustRule {
    /// Certificates issued by the authorities, for their hosts and dates; listed certificates themselves,
    /// whatever their hosts and dates.
    Authorities {
        /// `None` if no listed certificate can be an authority.
        verifier: Option<Arc<WebPkiServerVerifier>>,
        exact: Vec<CertificateDer<'static>>,
    },
    /// Only the certificate with this fingerprint.
    Pin(Fingerprint),
}

impl CertVerifier {
    pub(super) fn new(rule: TrustRule, provider: &Arc<CryptoProvider>) -> Self {
        Self { rule, provider: Arc::clone(provider) }
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    /// Accepts a listed or pinned certificate, unless its key is too weak.
    fn named(&self, shown: &Shown<'_>) -> Result<ServerCertVerified, Error> {
        let facts = Facts::of(shown.certificate);
        match facts.and_then(|facts| facts.trouble_of_key(self.algorithms())) {
            None => Ok(ServerCertVerified::assertion()),
            Some(reason) => self.refuse(shown, RejectionCause::Weak(reason)),
        }
    }

    fn refuse<T>(&self, shown: &Shown<'_>, cause: RejectionCause) -> Result<T, Error> {
        let advice = Box::new(shown.advice(&cause, &self.provider));
        Err(RejectedCert { fingerprint: Fingerprint::of_cert(shown.certificate), cause, advice }
            .into_tls())
    }
}

/// Parses an X.509 v1 certificate, which the library cannot. With a pin it can be accepted, since its key
/// works like any other.
fn old<'c>(certificate: &'c CertificateDer<'_>) -> Option<Facts<'c>> {
    Facts::of(certificate).filter(|facts| facts.version < 3)
}

impl CertVerifier {
    /// Verifies a TLS 1.2 signature made with the key of such a certificate.
    fn verify_old(
        &self,
        message: &[u8],
        facts: &Facts<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = self.algorithms().mapping.iter().filter(|(it, _)| *it == signature.scheme);
        let fitting = known
            .flat_map(|(_, algorithms)| *algorithms)
            .filter(|it| *it.public_key_alg_id() == *facts.key_algorithm);
        let mut verified =
            fitting.map(|it| it.verify_signature(facts.key, message, signature.signature()));
        if verified.any(|verified| verified.is_ok()) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(CertificateError::BadSignature.into())
    }
}

impl ServerCertVerifier for CertVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown { certificate, intermediates, name, now };
        match &self.rule {
            TrustRule::Pin(pin) if *pin == Fingerprint::of_cert(certificate) => self.named(&shown),
            TrustRule::Pin(_) => self.refuse(&shown, RejectionCause::PinMismatch),
            TrustRule::Authorities { exact: listed, .. } if listed.contains(certificate) => {
                self.named(&shown)
            }
            TrustRule::Authorities { verifier: None, .. } => {
                self.refuse(&shown, RejectionCause::Untrusted)
            }
            TrustRule::Authorities { verifier: Some(chains), .. } => chains
                .verify_server_cert(certificate, intermediates, name, ocsp, now)
                .or_else(|error| self.refuse(&shown, RejectionCause::from_tls(&error))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match old(certificate) {
            None => verify_tls12_signature(message, certificate, signature, self.algorithms()),
            Some(facts) => self.verify_old(message, &facts, signature),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match old(certificate) {
            None => verify_tls13_signature(message, certificate, signature, self.algorithms()),
            Some(facts) => verify_tls13_signature_with_raw_key(
                message,
                &facts.key_info.into(),
                signature,
                self.algorithms(),
            ),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustls::RootCertStore;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// The result for an untrusted or pinned certificate for irc.example.
    fn said(pem: &str, pinned: bool) -> Result<ServerCertVerified, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let rule = match pinned {
            true => TrustRule::Pin(Fingerprint::of_cert(&certificate)),
            false => {
                let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
                let mut roots = RootCertStore::empty();
                roots.add(other.cert.der().clone()).unwrap();
                let roots = Arc::new(roots);
                let chains = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                TrustRule::Authorities {
                    verifier: Some(chains.build().unwrap()),
                    exact: Vec::new(),
                }
            }
        };
        let name = ServerName::try_from("irc.example").unwrap();
        let judge = CertVerifier::new(rule, &provider);
        judge
            .verify_server_cert(&certificate, &[], &name, &[], UnixTime::now())
            .map_err(|error| RejectedCert::find_in(&error).unwrap().to_string())
    }

    macro_rules! certificate {
        ($name:literal) => {
            include_str!(concat!("../../../tests/data/certificates/", $name, ".pem"))
        };
    }

    #[test]
    fn unusable_certificate_error_says_how_to_create_a_better_one() {
        for (pem, flaw) in [
            (certificate!("rsa1024"), "its RSA key has 1024 bits, and 2048 are required"),
            (certificate!("p521"), "its key type is not supported"),
        ] {
            for pinned in [false, true] {
                let words = said(pem, pinned).unwrap_err();
                assert!(words.contains(flaw), "{words}");
                assert!(!words.contains("pin_sha256") && !words.contains("ca_file"), "{words}");
                assert!(words.contains("openssl req -x509 -newkey rsa:2048"), "{words}");
                assert!(words.contains("subjectAltName=DNS:irc.example"), "{words}");
            }
        }
    }

    #[test]
    fn pin_is_proposed_where_it_works() {
        for (pem, flaw, authority) in [
            (certificate!("v1"), "X.509 version 1", false),
            (certificate!("sha1"), "signed with SHA-1", true),
            (certificate!("sha1_of_authority"), "signed with SHA-1", false),
        ] {
            let words = said(pem, false).unwrap_err();
            assert!(words.contains("`pin_sha256 = \""), "{words}");
            assert!(words.contains(flaw), "{words}");
            assert_eq!(words.contains("`ca_file`"), authority, "{words}");
            said(pem, true).expect("the pin works");
        }
    }
}
