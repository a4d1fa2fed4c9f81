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
    let known: Vec<_> = NAMES.iter().filter(|(name, _)| is_of_version(name)).collect();
    let text = settings.string(setting);
    let text = if text.is_empty() { "DEFAULT" } else { &text };
    let (chosen, unknown) = choose(text, &known);
    if chosen.is_empty() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        return Err(format!("{}: '{text}' leaves none of {}", setting.setting().name, names.join(" ")));
    }
    if !unknown.is_empty() {
        tracing::warn!("{}: not offered: {}", setting.setting().name, unknown.join(" "));
    }
    Ok(chosen)
}

/// What a list as OpenSSL takes it leaves of the `known` ciphers, in its order: words add, those with `!` or `-` take away.
/// As there, a word that is no known cipher does nothing; those that were to add one are returned as well.
fn choose<'a, C: Copy>(text: &'a str, known: &[&(&'static str, C)]) -> (Vec<C>, Vec<&'a str>) {
    let words = || text.split([':', ',', ' ']).filter(|word| !word.is_empty());
    let is_removed = |name: &str| words().any(|word| word.strip_prefix(['!', '-']) == Some(name));
    let (mut chosen, mut unknown) = (Vec::<(&str, C)>::new(), Vec::new());
    for word in words().filter(|word| !word.starts_with(['!', '-', '+', '@'])) {
        let is_group = ["DEFAULT", "ALL", "HIGH"].contains(&word);
        let named: Vec<_> = known.iter().filter(|(name, _)| is_group || *name == word).collect();
        if named.is_empty() {
            unknown.push(word);
        }
        for (name, suite) in named {
            if !is_removed(name) && chosen.iter().all(|(other, _)| other != name) {
                chosen.push((name, *suite));
            }
        }
    }
    (chosen.into_iter().map(|(_, suite)| suite).collect(), unknown)
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        let known = [&("A", 1), &("B", 2), &("C", 3)];
        for (text, chosen, unknown) in [
            ("DEFAULT", vec![1, 2, 3], vec![]),
            ("DEFAULT:!MEDIUM", vec![1, 2, 3], vec![]),
            ("DEFAULT:-B:@STRENGTH", vec![1, 3], vec![]),
            ("C:A,C", vec![3, 1], vec![]),
            ("C:HIGH", vec![3, 1, 2], vec![]),
            ("RC4-MD5 B", vec![2], vec!["RC4-MD5"]),
            ("RC4-MD5", vec![], vec!["RC4-MD5"]),
            ("A:!A", vec![], vec![]),
        ] {
            assert_eq!(choose(text, &known), (chosen, unknown), "{text}");
        }
    }
}
