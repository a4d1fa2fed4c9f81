//! The names of users that a client's certificate may give.

use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

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
