//! Describes a rejected certificate: its fingerprint, the cause and the remedy.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use sha2::{Digest, Sha256};

use super::Advice;

/// The SHA-256 of a certificate's DER, as printed by `openssl x509 -fingerprint -sha256`, without colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub(super) fn of_cert(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

/// A server certificate that was rejected.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedCert {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Why it was rejected.
    pub cause: RejectionCause,
    /// What would make it acceptable.
    pub advice: Box<Advice>,
}

/// Why a certificate was rejected.
#[derive(Debug, Clone, PartialEq)]
pub enum RejectionCause {
    /// It does not match the pin.
    PinMismatch,
    /// No trusted authority issued it.
    Untrusted,
    /// It is for these hosts only.
    WrongHost(Vec<String>),
    /// It has expired, at this time.
    Expired(Option<Timestamp>),
    /// It becomes valid at this time.
    NotYetValid(Option<Timestamp>),
    /// Its key or signature is too weak.
    Weak(String),
    /// Any other error of the TLS library.
    Other(String),
}

impl RejectedCert {
    /// Wraps it in a TLS error, to pass through the handshake.
    pub(super) fn into_tls(self) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }

    /// Extracts it from a TLS error.
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
            // A bad signature usually means that a trusted authority of the same name was recreated with a
            // new key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            // An authority's own certificate, as made by `openssl req -x509`: this check comes before the
            // issuer's.
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

/// Reduces `DnsName("irc.example")` and `IpAddress(127.0.0.1)` to the name or address.
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
