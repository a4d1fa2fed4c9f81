//! What certificates say: the names of users that a client's may give, and when one ends.

use crate::engine::Certificate;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// The serial number of a certificate, and when it ends.
pub(super) fn facts(certificate: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let serial = certificate.tbs_certificate.raw_serial();
    // A positive number whose first bit is set has a zero byte before it.
    let digits = serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(serial);
    Some(Certificate {
        serial: digits.iter().map(|byte| format!("{byte:02X}")).collect(),
        ends_at: certificate.validity().not_after.timestamp(),
    })
}

/// The names in a certificate that has been verified: the one common name of its subject, or its
/// URIs. A name with anything that is not printable, above all a NUL, is none: others that read it
/// might see less of it.
pub(super) fn names(certificate: &[u8], by_uri: bool) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let found: Vec<String> = if by_uri {
        let extensions = certificate.extensions().iter();
        let names = extensions.filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
        names
            .flatten()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some((*uri).to_owned()),
                _ => None,
            })
            .collect()
    } else {
        let names: Vec<_> = certificate.subject().iter_common_name().collect();
        match names.as_slice() {
            [one] => one.as_str().map(str::to_owned).into_iter().collect(),
            _ => Vec::new(),
        }
    };
    found
        .into_iter()
        .filter(|name| !name.is_empty() && name.chars().all(|c| !c.is_control() && c != ' '))
        .collect()
}
