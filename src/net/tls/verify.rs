//! The judge of a server's certificate.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::{Cause, Fingerprint, Refused};

/// Holds certificates to a [`Rule`]. That the server has the certificate's key is proven by the
/// signatures of the handshake, which stay rustls's to verify, whatever the rule.
#[derive(Debug)]
pub(super) struct Judge {
    rule: Rule,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Which certificates are accepted.
#[derive(Debug)]
pub(super) enum Rule {
    /// Those that the authorities have signed, for their hosts and in their time; and, whatever
    /// their hosts and times, those that are listed themselves.
    Authorities {
        /// Absent where nothing that is listed can be an authority.
        chains: Option<Arc<WebPkiServerVerifier>>,
        listed: Vec<CertificateDer<'static>>,
    },
    /// One alone.
    Pin(Fingerprint),
}

impl Judge {
    pub(super) fn new(rule: Rule, provider: &CryptoProvider) -> Self {
        Self { rule, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = Fingerprint::of(certificate);
        let refuse = |cause| Err(Refused { found, cause }.into_tls());
        match &self.rule {
            Rule::Pin(pin) if *pin == found => Ok(ServerCertVerified::assertion()),
            Rule::Pin(_) => refuse(Cause::NotThePinned),
            Rule::Authorities { listed, .. } if listed.contains(certificate) => {
                Ok(ServerCertVerified::assertion())
            }
            Rule::Authorities { chains: None, .. } => refuse(Cause::Untrusted),
            Rule::Authorities { chains: Some(chains), .. } => chains
                .verify_server_cert(certificate, intermediates, name, ocsp, now)
                .or_else(|error| refuse(Cause::of(&error))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
