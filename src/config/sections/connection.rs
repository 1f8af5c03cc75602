//! Reads the client certificate and the proxy of a network.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{non_empty_path, parse};
use crate::config::parse::{ValueError, quote};
use crate::config::reader::Section;
use crate::config::secret::{read_pem, unreadable_file};
use crate::config::types::text;
use crate::config::{ClientCertificate, ProxySettings};

/// Reads the client certificate and its key. `encrypted`: the connection uses TLS.
pub(super) fn client_certificate(
    section: &mut Section<'_>,
    encrypted: bool,
) -> Option<ClientCertificate> {
    let (certificate, key) = (section.entry("cert_file"), section.entry("key_file"));
    if let Some(certificate) = certificate.as_ref().filter(|_| !encrypted) {
        let found = "a client certificate needs TLS, but tls = false";
        certificate.report_error(ValueError::new(found, "remove one of the two"));
    }
    let Some(certificate) = certificate else {
        if let Some(key) = key {
            let remedy = "add cert_file = \"bridge.pem\", the certificate for this key";
            key.report_error(ValueError::new("a key without a certificate", remedy));
        }
        return None;
    };
    let folders = &section.loader.base_dirs;
    let path = |path: &str| Ok(folders.resolve_secret(&non_empty_path(path)?));
    let own = |written: &str| {
        path(written).and_then(|key_path| require_certificate(&key_path).map(|()| key_path))
    };
    let chain: PathBuf = certificate.parse(text(own))?;
    let keyed = |path: PathBuf| require_private_key(&path).map(|()| path);
    let key = match key {
        Some(key) => key.parse(text(|written: &str| path(written).and_then(keyed)))?,
        None => certificate.parse(|_| keyed(chain.clone()))?,
    };
    Some(ClientCertificate { cert_file: chain, key_file: key })
}

/// Reads the proxy and its password.
pub(super) fn proxy(section: &mut Section<'_>) -> Option<ProxySettings> {
    let written = section.entry("proxy");
    let password = section.secret("proxy_password", "proxy_password_file", |_| Ok(()));
    let Some(written) = written else {
        if let Some((_, password)) = password {
            let remedy = "add proxy = \"socks5h://bridge@proxy.example.org:1080\"";
            password.report_error(ValueError::new("a password without a proxy", remedy));
        }
        return None;
    };
    let (mut proxy, user) = written.parse(text(parse::proxy_url))?;
    proxy.credentials = match (user, password) {
        (Some(user), Some((password, _))) => Some((user, password)),
        (None, None) => None,
        (Some(_), None) => {
            let remedy = "add proxy_password_file, a file with the password";
            written.report_error(ValueError::new("a user without a password", remedy));
            None
        }
        (None, Some((_, password))) => {
            let remedy = "write the user before the proxy's host: \"socks5h://bridge@host:1080\"";
            password.report_error(ValueError::new("a password without a user", remedy));
            None
        }
    };
    Some(proxy)
}

fn require_certificate(path: &Path) -> Result<(), ValueError> {
    let pem = read_pem(path).map_err(|error| unreadable_file(path, &error))?;
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(()),
        _ => Err(missing_pem_item(path, "certificate", "CERTIFICATE")),
    }
}

fn require_private_key(path: &Path) -> Result<(), ValueError> {
    let pem = read_pem(path).map_err(|error| unreadable_file(path, &error))?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(_) => Ok(()),
        Err(_) => Err(missing_pem_item(path, "private key without a passphrase", "PRIVATE KEY")),
    }
}

fn missing_pem_item(path: &Path, what: &str, label: &str) -> ValueError {
    let found = format!("{} contains no {what}", quote(&path.to_string_lossy()));
    ValueError::new(found, format!("it must be PEM, with -----BEGIN {label}-----"))
}
