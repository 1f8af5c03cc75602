//! A certificate that was not accepted: which it was, why, and what would have it accepted.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use sha2::{Digest, Sha256};

use super::Advice;

/// The SHA-256 of a certificate's DER: what `openssl x509 -fingerprint -sha256` prints, without the
/// colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub(super) fn of_cert(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A server's certificate was not accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedCert {
    /// The certificate that the server showed.
    pub fingerprint: Fingerprint,
    /// What speaks against it.
    pub cause: RejectionCause,
    /// What would have it accepted.
    pub advice: Box<Advice>,
}

/// What speaks against a certificate.
#[derive(Debug, Clone, PartialEq)]
pub enum RejectionCause {
    /// It is not the one that is pinned.
    PinMismatch,
    /// No authority that we trust has signed it.
    Untrusted,
    /// It is for other hosts: those it is for.
    WrongHost(Vec<String>),
    /// It was valid until then.
    Expired(Option<Timestamp>),
    /// It is valid only from then on.
    NotYetValid(Option<Timestamp>),
    /// Its key can prove nothing.
    Weak(String),
    /// Anything else, in the library's words.
    Other(String),
}

impl RejectedCert {
    /// As an error of the handshake, which it must pass through on its way to whoever words it.
    pub(super) fn into_tls(self) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }

    /// The refusal inside an error of the handshake.
    pub(super) fn find_in(error: &Error) -> Option<&Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
            _ => None,
        }
    }
}

impl std::error::Error for RejectedCert {}

impl RejectionCause {
    pub(super) fn from_tls(error: &Error) -> Self {
        let Error::InvalidCertificate(error) = error else {
            return Self::Other(error.to_string());
        };
        match error {
            // A bad signature is what an authority has made that bears a trusted one's name and has
            // another key: mostly the same authority, made anew.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            // An authority's own certificate, as `openssl req -x509` makes them: the web PKI says
            // this before it asks who has signed.
            CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
                Self::Untrusted
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::WrongHost(presented.iter().map(|name| strip_wrapper(name)).collect())
            }
            CertificateError::NotValidForName => Self::WrongHost(Vec::new()),
            CertificateError::ExpiredContext { not_after, .. } => {
                Self::Expired(to_timestamp(*not_after))
            }
            CertificateError::Expired => Self::Expired(None),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid(to_timestamp(*not_before))
            }
            CertificateError::NotValidYet => Self::NotYetValid(None),
            other => Self::Other(other.to_string()),
        }
    }
}

/// `DnsName("irc.example")` and `IpAddress(127.0.0.1)`, as the library tells them, without the shell.
fn strip_wrapper(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

fn to_timestamp(at: UnixTime) -> Option<Timestamp> {
    i64::try_from(at.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok())
}

impl fmt::Display for RejectedCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            RejectionCause::PinMismatch => f.write_str("its certificate is not the pinned one")?,
            RejectionCause::Untrusted => {
                f.write_str("its certificate is not signed by a trusted authority")?;
            }
            RejectionCause::WrongHost(names) if names.is_empty() => {
                f.write_str("its certificate names no host")?;
            }
            RejectionCause::WrongHost(names) => {
                write!(f, "its certificate is for another host: {}", names.join(", "))?;
            }
            RejectionCause::Expired(Some(at)) => write!(f, "its certificate expired at {at}")?,
            RejectionCause::Expired(None) => f.write_str("its certificate has expired")?,
            RejectionCause::NotYetValid(Some(at)) => write!(
                f,
                "its certificate is valid only from {at} on (is this machine's clock right?)"
            )?,
            RejectionCause::NotYetValid(None) => f.write_str("its certificate is not valid yet")?,
            RejectionCause::Weak(words) => {
                write!(f, "its certificate is invalid: {words}")?;
            }
            RejectionCause::Other(_) if !self.advice.flaws.is_empty() => {
                f.write_str("its certificate cannot be accepted")?;
            }
            RejectionCause::Other(words) => {
                write!(f, "its certificate is invalid: {words}")?;
            }
        }
        let Advice { pin, authority, issuer, flaws, host } = &*self.advice;
        if !flaws.is_empty() && !matches!(self.cause, RejectionCause::Weak(_)) {
            write!(f, "; {}", flaws.join(", and "))?;
        }
        if !pin {
            let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
            return write!(
                f,
                ". No setting of the bridge can fix this: create a new certificate for the server \
                 with `openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={host} \
                 -addext subjectAltName={kind}:{host} -keyout key.pem -out cert.pem`"
            );
        }
        write!(f, "; its SHA-256 is {}. If this is the right server, ", self.fingerprint)?;
        if *authority {
            let by = issuer.as_ref().map(|name| format!(", {name:?},")).unwrap_or_default();
            write!(f, "set `ca_file` to the PEM file of its authority{by}, or ")?;
        }
        write!(f, "accept only this certificate with `pin_sha256 = \"{}\"`", self.fingerprint)
    }
}
