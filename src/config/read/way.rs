use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{not_empty, values};
use crate::config::kinds::text;
use crate::config::secret::{read_pem, unreadable};
use crate::config::section::Section;
use crate::config::values::{Flaw, shown};
use crate::config::{ClientCertificate, ProxySettings};

/// The certificate by which we prove who we are. `encrypted`: there is TLS to show it in.
pub(super) fn certificate(section: &mut Section<'_>, encrypted: bool) -> Option<ClientCertificate> {
    let (certificate, key) = (section.entry("cert_file"), section.entry("key_file"));
    if let Some(certificate) = certificate.as_ref().filter(|_| !encrypted) {
        let found = "there is no client certificate with tls = false";
        certificate.mistake(Flaw::new(found, "remove one or the other"));
    }
    let Some(certificate) = certificate else {
        if let Some(key) = key {
            let remedy = "add cert_file = \"bridge.pem\", the certificate that it belongs to";
            key.mistake(Flaw::new("a key without a certificate", remedy));
        }
        return None;
    };
    let folders = &section.reading.folders;
    let path = |path: &str| Ok(folders.resolve_secret(&not_empty(path)?));
    let own = |written: &str| path(written).and_then(|path| has_certificate(&path).map(|()| path));
    let chain: PathBuf = certificate.read(text(own))?;
    let keyed = |path: PathBuf| has_key(&path).map(|()| path);
    let key = match key {
        Some(key) => key.read(text(|written: &str| path(written).and_then(keyed)))?,
        None => certificate.read(|_| keyed(chain.clone()))?,
    };
    Some(ClientCertificate { certificate: chain, key })
}

/// The proxy on the way, with its password.
pub(super) fn proxy(section: &mut Section<'_>) -> Option<ProxySettings> {
    let written = section.entry("proxy");
    let password = section.secret("proxy_password", "proxy_password_file", |_| Ok(()));
    let Some(written) = written else {
        if let Some((_, password)) = password {
            let remedy = "add proxy = \"socks5h://bridge@proxy.example.org:1080\"";
            password.mistake(Flaw::new("a password without a proxy", remedy));
        }
        return None;
    };
    let (mut proxy, user) = written.read(text(values::proxy))?;
    proxy.login = match (user, password) {
        (Some(user), Some((password, _))) => Some((user, password)),
        (None, None) => None,
        (Some(_), None) => {
            let remedy = "add proxy_password_file, a file with the password";
            written.mistake(Flaw::new("a user without a password", remedy));
            None
        }
        (None, Some((_, password))) => {
            let remedy = "write the user before the proxy's host: \"socks5h://bridge@host:1080\"";
            password.mistake(Flaw::new("a password without a user", remedy));
            None
        }
    };
    Some(proxy)
}

fn has_certificate(path: &Path) -> Result<(), Flaw> {
    let pem = read_pem(path).map_err(|error| unreadable(path, &error))?;
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(()),
        _ => Err(lacks(path, "certificate", "CERTIFICATE")),
    }
}

fn has_key(path: &Path) -> Result<(), Flaw> {
    let pem = read_pem(path).map_err(|error| unreadable(path, &error))?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(_) => Ok(()),
        Err(_) => Err(lacks(path, "private key without a passphrase", "PRIVATE KEY")),
    }
}

fn lacks(path: &Path, what: &str, label: &str) -> Flaw {
    let found = format!("{} has no {what} in it", shown(&path.to_string_lossy()));
    Flaw::new(found, format!("it must be PEM, with -----BEGIN {label}-----"))
}
