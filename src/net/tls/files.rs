//! Certificates and keys from files in PEM.

use super::identity;
use crate::config::{self, Settings};
use crate::engine::Certificate;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The server's certificate with those that vouch for it, and its key.
pub(super) fn identity(
    settings: &Settings,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let (cert, key) = (settings.string(config::TLS_CERT_FILE), settings.string(config::TLS_KEY_FILE));
    if cert.is_empty() {
        return Err("No tls-cert-file configured!".into());
    }
    if key.is_empty() {
        return Err("No tls-key-file configured!".into());
    }
    let chain = certificates("tls-cert-file", &cert)?;
    let text = std::fs::read(&key).map_err(|error| format!("tls-key-file {key}: {error}"))?;
    let password = settings.text(config::TLS_KEY_FILE_PASS);
    let key = private_key(&text, &password).map_err(|why| format!("tls-key-file {key}: {why}"))?;
    Ok((chain, key))
}

fn private_key(text: &[u8], password: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    let text = std::str::from_utf8(text).map_err(|_| "is no PEM file".to_owned())?;
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err("is encrypted in a way that is no longer safe; convert it: openssl pkcs8 -topk8".into());
    }
    let Some(start) = text.find(ENCRYPTED) else {
        return PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| format!("holds no private key: {error}"));
    };
    if password.is_empty() {
        return Err("is encrypted, and tls-key-file-pass is not set".into());
    }
    let (_, document) = pkcs8::SecretDocument::from_pem(&text[start..])
        .map_err(|error| format!("holds no private key: {error}"))?;
    let key = pkcs8::EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .and_then(|encrypted| encrypted.decrypt(password))
        .map_err(|error| format!("cannot be decrypted; is tls-key-file-pass right? ({error})"))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn certificates(setting: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found = read.map_err(|error| format!("{setting} {path}: {error}"))?;
    if found.is_empty() { Err(format!("{setting} {path}: holds no certificate")) } else { Ok(found) }
}

/// The certificate of outgoing connections, if there is one to be read.
pub(super) fn client(settings: &Settings) -> Option<CertificateDer<'static>> {
    let file = settings.string(config::TLS_CLIENT_CERT_FILE);
    (!file.is_empty()).then(|| certificates("tls-client-cert-file", &file).ok())??.into_iter().next()
}

/// Whoever may vouch for clients.
#[derive(Default)]
pub(super) struct Authorities {
    /// Those of `tls-ca-cert-file`, and its name.
    file: (String, Vec<CertificateDer<'static>>),
    /// Those of `tls-ca-cert-dir`.
    directory: Vec<CertificateDer<'static>>,
}

/// Whoever may vouch for clients. In a directory, files that hold no certificate are passed over.
pub(super) fn authorities(settings: &Settings) -> Result<Authorities, String> {
    let mut found = Authorities::default();
    let file = settings.string(config::TLS_CA_CERT_FILE);
    if !file.is_empty() {
        let read = certificates("tls-ca-cert-file", &file)?;
        found.file = (file, read);
    }
    let directory = settings.string(config::TLS_CA_CERT_DIR);
    if !directory.is_empty() {
        let failed = |error: std::io::Error| format!("tls-ca-cert-dir {directory}: {error}");
        for item in std::fs::read_dir(&directory).map_err(failed)? {
            let path = item.map_err(failed)?.path();
            found
                .directory
                .extend(certificates("tls-ca-cert-dir", &path.to_string_lossy()).unwrap_or_default());
        }
    }
    Ok(found)
}

impl Authorities {
    /// As they verify clients. Those of a directory that cannot do so are passed over.
    pub(super) fn roots(self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let (file, certificates) = self.file;
        for certificate in certificates {
            roots.add(certificate).map_err(|error| format!("tls-ca-cert-file {file}: {error}"))?;
        }
        roots.add_parsable_certificates(self.directory);
        Ok(roots)
    }

    /// What is told of the one that ends first.
    pub(super) fn facts(&self) -> Option<Certificate> {
        let all = self.file.1.iter().chain(&self.directory);
        all.filter_map(|certificate| identity::facts(certificate)).min_by_key(|facts| facts.ends_at)
    }
}
