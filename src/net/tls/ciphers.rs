//! Ciphers by the names that OpenSSL knows them by.

use crate::config::{self, Settings};
use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, cipher_suite as suite};

/// Each cipher, as `tls-ciphersuites` (TLS 1.3) or `tls-ciphers` (TLS 1.2) names it.
const NAMES: [(&str, SupportedCipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", suite::TLS13_CHACHA20_POLY1305_SHA256),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES128-GCM-SHA256", suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// The cryptography that the settings allow.
pub(super) fn provider(settings: &Settings) -> Result<CryptoProvider, String> {
    let mut suites = chosen(settings, config::TLS_CIPHERSUITES, |name| name.starts_with("TLS_"))?;
    suites.extend(chosen(settings, config::TLS_CIPHERS, |name| !name.starts_with("TLS_"))?);
    Ok(CryptoProvider { cipher_suites: suites, ..ring::default_provider() })
}

/// The ciphers that one setting names, in its order; all of its version's when it names none.
fn chosen(
    settings: &Settings,
    setting: config::Name,
    is_of_version: fn(&str) -> bool,
) -> Result<Vec<SupportedCipherSuite>, String> {
    let text = settings.string(setting);
    let known = || NAMES.iter().filter(|(name, _)| is_of_version(name));
    if text.is_empty() || text == "DEFAULT" {
        return Ok(known().map(|(_, suite)| *suite).collect());
    }
    let find = |word: &str| {
        known().find(|(name, _)| *name == word).map(|(_, suite)| *suite).ok_or_else(|| {
            let names: Vec<&str> = known().map(|(name, _)| *name).collect();
            format!("{}: '{word}' is none of {}", setting.setting().name, names.join(" "))
        })
    };
    text.split([':', ',', ' ']).filter(|word| !word.is_empty()).map(find).collect()
}
