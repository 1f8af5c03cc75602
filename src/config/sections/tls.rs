//! Reads how to verify the certificate of a server.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{non_empty_path, parse};
use crate::config::TlsTrust;
use crate::config::entry::conflict;
use crate::config::parse::{ValueError, quote};
use crate::config::reader::Section;
use crate::config::secret::{read_pem, unreadable_file};
use crate::config::types::text;

/// Reads how to verify the server. `plain` is the reason why there is no TLS, if there is none.
pub(super) fn read(section: &mut Section<'_>, plain: Option<&str>) -> TlsTrust {
    let (ca_file, pin) = (section.entry("ca_file"), section.entry("pin_sha256"));
    if let Some(plain) = plain {
        for entry in [&ca_file, &pin].into_iter().flatten() {
            let found = format!("certificates are not used with {plain}");
            entry.report_error(ValueError::new(found, "remove one of the two"));
        }
    }
    if let (Some(ca_file), Some(pin)) = (&ca_file, &pin) {
        pin.report_error(conflict(ca_file));
    }
    let folders = &section.loader.base_dirs;
    let authority = |path: &str| {
        let path = folders.resolve(&non_empty_path(path)?);
        check_ca_file(&path).map(|()| TlsTrust::CaFile(path))
    };
    let ca_file = ca_file.and_then(|entry| entry.parse(text(authority)));
    let pin = pin.and_then(|entry| entry.parse(text(parse::certificate_pin))).map(TlsTrust::Pin);
    ca_file.or(pin).unwrap_or(TlsTrust::System)
}

/// Checks that the file contains certificates that can sign others.
pub(super) fn check_ca_file(path: &Path) -> Result<(), ValueError> {
    let pem = read_pem(path).map_err(|error| unreadable_file(path, &error))?;
    let found = CertificateDer::pem_slice_iter(&pem).flatten();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found);
    if usable == 0 {
        let found = format!("{} contains no certificate", quote(&path.to_string_lossy()));
        let remedy = "it must be PEM, with -----BEGIN CERTIFICATE-----";
        return Err(ValueError::new(found, remedy));
    }
    Ok(())
}
