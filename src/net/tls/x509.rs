//! Parses the fields of a certificate of any X.509 version.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustls::crypto::WebPkiSupportedAlgorithms;

const SEQUENCE: u8 = 0x30;
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// Forgeable signature algorithms: the start of their identifiers, and their names.
const FORGEABLE: [(&[u8], &str); 4] = [
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x04], "MD5"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05], "SHA-1"),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01], "SHA-1"),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x03], "SHA-1"),
];
/// Accepted sizes of RSA keys, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// The fields of a certificate (RFC 5280, section 4.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'c> {
    /// 1, 2 or 3.
    pub(super) version: u8,
    /// The signature algorithm's identifier, as libraries compare it.
    signature: &'c [u8],
    issuer: &'c [u8],
    subject: &'c [u8],
    validity: &'c [u8],
    /// SubjectPublicKeyInfo, in DER.
    pub(super) key_info: &'c [u8],
    /// The key's algorithm identifier.
    pub(super) key_algorithm: &'c [u8],
    /// The key itself.
    pub(super) key: &'c [u8],
}

/// A DER value: tag, content, whole encoding, and what follows.
struct Value<'d> {
    tag: u8,
    content: &'d [u8],
    whole: &'d [u8],
    rest: &'d [u8],
}

fn value(der: &[u8]) -> Option<Value<'_>> {
    let (&tag, after) = der.split_first()?;
    let (&first, after) = after.split_first()?;
    let (length, after) = if first < 0x80 {
        (usize::from(first), after)
    } else {
        let (bytes, after) = after.split_at_checked(usize::from(first & 0x7F))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), after)
    };
    let (content, rest) = after.split_at_checked(length)?;
    Some(Value { tag, content, whole: &der[..der.len() - rest.len()], rest })
}

fn sequence(der: &[u8]) -> Option<Value<'_>> {
    value(der).filter(|value| value.tag == SEQUENCE)
}

impl<'c> Facts<'c> {
    /// Parses the certificate `der`.
    pub(super) fn of(der: &'c [u8]) -> Option<Self> {
        let certificate = sequence(der)?;
        let signed = sequence(certificate.content)?;
        let signature = sequence(signed.rest)?.content;
        let first = value(signed.content)?;
        let (version, serial) = match first.tag {
            0xA0 => (1 + value(first.content)?.content.last()?, value(first.rest)?),
            _ => (1, first),
        };
        let algorithm = sequence(serial.rest)?;
        let issuer = sequence(algorithm.rest)?;
        let validity = sequence(issuer.rest)?;
        let subject = sequence(validity.rest)?;
        let key_info = sequence(subject.rest)?;
        let key_algorithm = sequence(key_info.content)?;
        // The first byte of a bit string is the number of unused bits.
        let key = value(key_algorithm.rest)?.content.get(1..)?;
        Some(Self {
            version,
            signature,
            issuer: issuer.content,
            subject: subject.content,
            validity: validity.content,
            key_info: key_info.whole,
            key_algorithm: key_algorithm.content,
            key,
        })
    }

    /// Whether issuer and subject are the same.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The issuer's common name.
    pub(super) fn issuer(&self) -> Option<String> {
        let at = self.issuer.windows(COMMON_NAME.len()).position(|it| it == COMMON_NAME)?;
        let name = value(&self.issuer[at + COMMON_NAME.len()..])?.content;
        let name: String =
            String::from_utf8_lossy(name).chars().filter(|c| !c.is_control()).take(64).collect();
        (!name.is_empty()).then_some(name)
    }

    /// Whether `now` is within its validity.
    pub(super) fn is_in_its_time(&self, now: Timestamp) -> bool {
        let now = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string();
        let times = || {
            let from = value(self.validity)?;
            let until = value(from.rest)?;
            Some((time(&from)?, time(&until)?))
        };
        times().is_some_and(|(from, until)| from <= now && now <= until)
    }

    /// Why signatures by its key cannot be verified.
    pub(super) fn trouble_of_key(&self, algorithms: &WebPkiSupportedAlgorithms) -> Option<String> {
        if let Some(bits) = self.rsa_bits() {
            return (!RSA_BITS.contains(&bits)).then(|| {
                format!("its RSA key has {bits} bits, and {} are required", RSA_BITS.start())
            });
        }
        let known = |key: &[u8]| algorithms.all.iter().any(|it| *it.public_key_alg_id() == *key);
        (!known(self.key_algorithm))
            .then(|| "its key type is not supported (RSA, P-256, P-384 and Ed25519 are)".to_owned())
    }

    /// Why an authority's signature on this certificate is not enough to accept it.
    pub(super) fn trouble_of_signature(
        &self,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Option<String> {
        if self.version < 3 {
            return Some(format!("it is X.509 version {}, which cannot name a host", self.version));
        }
        if algorithms.all.iter().any(|it| *it.signature_alg_id() == *self.signature) {
            return None;
        }
        let forged = FORGEABLE
            .iter()
            .find(|(oid, _)| self.signature.get(2..).is_some_and(|it| it.starts_with(oid)));
        Some(match forged {
            Some((_, by)) => format!("it is signed with {by}, which can be forged"),
            None => "its signature algorithm is not supported".to_owned(),
        })
    }

    fn rsa_bits(&self) -> Option<usize> {
        let algorithm = value(self.key_algorithm)?;
        let modulus = value(sequence(self.key)?.content)?.content;
        let first = modulus.iter().position(|byte| *byte != 0)?;
        let zeros = usize::try_from(modulus[first].leading_zeros()).ok()?;
        (algorithm.content == RSA).then_some((modulus.len() - first) * 8 - zeros)
    }
}

/// A time as `YYYYMMDDhhmmss`; two-digit years start at 1950.
fn time(value: &Value<'_>) -> Option<String> {
    let text = str::from_utf8(value.content).ok()?.strip_suffix('Z')?;
    match value.tag {
        0x17 if text < "50" => Some(format!("20{text}")),
        0x17 => Some(format!("19{text}")),
        0x18 => Some(text.to_owned()),
        _ => None,
    }
}
