use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{not_empty, values};
use crate::config::Trust;
use crate::config::entry::also;
use crate::config::kinds::text;
use crate::config::secret::{read_pem, unreadable};
use crate::config::section::Section;
use crate::config::values::{Flaw, shown};

/// Whom to believe. `plain` says why nobody needs to be believed, where that is so.
pub(super) fn read(section: &mut Section<'_>, plain: Option<&str>) -> Trust {
    let (ca_file, pin) = (section.entry("ca_file"), section.entry("pin_sha256"));
    if let Some(plain) = plain {
        for entry in [&ca_file, &pin].into_iter().flatten() {
            let found = format!("certificates mean nothing with {plain}");
            entry.mistake(Flaw::new(found, "remove one or the other"));
        }
    }
    if let (Some(ca_file), Some(pin)) = (&ca_file, &pin) {
        pin.mistake(also(ca_file));
    }
    let folders = &section.reading.folders;
    let authority = |path: &str| {
        let path = folders.resolve(&not_empty(path)?);
        certificates(&path).map(|()| Trust::CaFile(path))
    };
    let ca_file = ca_file.and_then(|entry| entry.read(text(authority)));
    let pin = pin.and_then(|entry| entry.read(text(values::pin))).map(Trust::Pin);
    ca_file.or(pin).unwrap_or(Trust::System)
}

/// That the file holds certificates that can vouch for somebody.
fn certificates(path: &Path) -> Result<(), Flaw> {
    let pem = read_pem(path).map_err(|error| unreadable(path, &error))?;
    let found = CertificateDer::pem_slice_iter(&pem).flatten();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found);
    if usable == 0 {
        let found = format!("{} has no certificate in it", shown(&path.to_string_lossy()));
        let remedy = "it must be PEM, with -----BEGIN CERTIFICATE-----";
        return Err(Flaw::new(found, remedy));
    }
    Ok(())
}
