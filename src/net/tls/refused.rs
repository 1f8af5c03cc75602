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
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
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
pub struct Refused {
    /// The certificate that the server showed.
    pub found: Fingerprint,
    /// What speaks against it.
    pub cause: Cause,
    /// What would have it accepted.
    pub advice: Box<Advice>,
}

/// What speaks against a certificate.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// It is not the one that is pinned.
    NotThePinned,
    /// No authority that we trust has signed it.
    Untrusted,
    /// It is for other hosts: those it is for.
    OtherName(Vec<String>),
    /// It was valid until then.
    Expired(Option<Timestamp>),
    /// It is valid only from then on.
    NotYet(Option<Timestamp>),
    /// Its key can prove nothing.
    Weak(String),
    /// Anything else, in the library's words.
    Other(String),
}

impl Refused {
    /// As an error of the handshake, which it must pass through on its way to whoever words it.
    pub(super) fn into_tls(self) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }

    /// The refusal inside an error of the handshake.
    pub(super) fn within(error: &Error) -> Option<&Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
            _ => None,
        }
    }
}

impl std::error::Error for Refused {}

impl Cause {
    pub(super) fn of(error: &Error) -> Self {
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
                Self::OtherName(presented.iter().map(|name| bare(name)).collect())
            }
            CertificateError::NotValidForName => Self::OtherName(Vec::new()),
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(time(*not_after)),
            CertificateError::Expired => Self::Expired(None),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYet(time(*not_before))
            }
            CertificateError::NotValidYet => Self::NotYet(None),
            other => Self::Other(other.to_string()),
        }
    }
}

/// `DnsName("irc.example")` and `IpAddress(127.0.0.1)`, as the library tells them, without the shell.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

fn time(at: UnixTime) -> Option<Timestamp> {
    i64::try_from(at.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok())
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::NotThePinned => f.write_str("its certificate is not the pinned one")?,
            Cause::Untrusted => {
                f.write_str("its certificate is not signed by an authority that is trusted here")?;
            }
            Cause::OtherName(names) if names.is_empty() => {
                f.write_str("its certificate says no host name that it is for")?;
            }
            Cause::OtherName(names) => {
                write!(f, "its certificate is for another host: {}", names.join(", "))?;
            }
            Cause::Expired(Some(at)) => write!(f, "its certificate expired at {at}")?,
            Cause::Expired(None) => f.write_str("its certificate has expired")?,
            Cause::NotYet(Some(at)) => write!(
                f,
                "its certificate is valid only from {at} on (is this machine's clock right?)"
            )?,
            Cause::NotYet(None) => f.write_str("its certificate is not valid yet")?,
            Cause::Weak(words) => write!(f, "its certificate cannot be accepted: {words}")?,
            Cause::Other(_) if !self.advice.flaws.is_empty() => {
                f.write_str("its certificate cannot be accepted")?;
            }
            Cause::Other(words) => write!(f, "its certificate cannot be accepted: {words}")?,
        }
        let Advice { pin, authority, issuer, flaws, host } = &*self.advice;
        if !flaws.is_empty() && !matches!(self.cause, Cause::Weak(_)) {
            write!(f, "; {}", flaws.join(", and "))?;
        }
        if !pin {
            let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
            return write!(
                f,
                ". No setting of the bridge helps: make a better one for the server, by `openssl \
                 req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={host} -addext \
                 subjectAltName={kind}:{host} -keyout key.pem -out cert.pem`"
            );
        }
        write!(f, "; its SHA-256 is {}. If this is the right server, ", self.found)?;
        if *authority {
            let by = issuer.as_ref().map(|name| format!(", {name:?},")).unwrap_or_default();
            write!(f, "name the PEM file of its authority{by} in `ca_file`, or ")?;
        }
        write!(f, "accept this one certificate by `pin_sha256 = \"{}\"`", self.found)
    }
}
