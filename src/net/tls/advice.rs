//! Finds out which settings would make a rejected certificate acceptable, by trying them.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::RejectionCause;
use super::x509::Facts;

/// Settings that would make a certificate acceptable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advice {
    /// A pin.
    pub pin: bool,
    /// A file with the certificate of the issuing authority.
    pub authority: bool,
    /// The name of that authority.
    pub issuer: Option<String>,
    /// Defects of the certificate itself, independent of trust.
    pub flaws: Vec<String>,
    /// The host it should be for.
    pub host: String,
}

/// A certificate as presented by a server.
pub(super) struct Shown<'s> {
    pub(super) certificate: &'s CertificateDer<'s>,
    pub(super) intermediates: &'s [CertificateDer<'s>],
    pub(super) name: &'s ServerName<'s>,
    pub(super) now: UnixTime,
}

impl Shown<'_> {
    /// What would help against `cause`.
    pub(super) fn advice(&self, cause: &RejectionCause, provider: &Arc<CryptoProvider>) -> Advice {
        let host = self.name.to_str().into_owned();
        let Some(facts) = Facts::of(self.certificate) else {
            let flaws = vec!["it is damaged".to_owned()];
            return Advice { host, flaws, ..Advice::default() };
        };
        let algorithms = &provider.signature_verification_algorithms;
        let key = facts.trouble_of_key(algorithms);
        let signature = facts.trouble_of_signature(algorithms);
        let pin = key.is_none();
        let untrusted = *cause == RejectionCause::Untrusted && pin;
        let authority = untrusted
            && match self.intermediates.last() {
                // A CA file with the certificate itself makes it acceptable.
                _ if facts.is_self_issued() => {
                    RootCertStore::empty().add(self.certificate.clone().into_owned()).is_ok()
                }
                Some(anchor) => self.is_good_by(anchor, provider),
                None => signature.is_none() && self.is_in_order(&facts),
            };
        let issuer = facts.issuer().filter(|_| !facts.is_self_issued());
        Advice { pin, authority, issuer, flaws: key.into_iter().chain(signature).collect(), host }
    }

    /// Whether it would be accepted with `anchor` as an authority.
    fn is_good_by(&self, anchor: &CertificateDer<'_>, provider: &Arc<CryptoProvider>) -> bool {
        let mut roots = RootCertStore::empty();
        if roots.add(anchor.clone().into_owned()).is_err() {
            return false;
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .is_ok_and(|verifier| {
                let Self { certificate, intermediates, name, now } = self;
                verifier.verify_server_cert(certificate, intermediates, name, &[], *now).is_ok()
            })
    }

    /// Whether its host and dates are valid, regardless of the issuer.
    fn is_in_order(&self, facts: &Facts<'_>) -> bool {
        let second = i64::try_from(self.now.as_secs()).ok();
        let now = second.and_then(|second| Timestamp::from_second(second).ok());
        now.is_some_and(|now| facts.is_in_its_time(now))
            && ParsedCertificate::try_from(self.certificate)
                .is_ok_and(|parsed| verify_server_name(&parsed, self.name).is_ok())
    }
}
