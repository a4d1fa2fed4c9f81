//! The certificates that `tls-port` uses, for INFO and the metrics: when they end.

use parking_lot::Mutex;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its serial number in hexadecimal digits, two a byte.
    pub serial: String,
    /// When it ends, in unix seconds.
    pub ends_at: i64,
}

/// Those in use; none without a `tls-port`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The server's own.
    pub server: Option<Certificate>,
    /// That of `tls-client-cert-file`.
    pub client: Option<Certificate>,
    /// Of those that may vouch for clients, the one that ends first.
    pub authority: Option<Certificate>,
}

impl Certificates {
    /// Each with the word for what it is.
    pub fn each(&self) -> [(&'static str, Option<&Certificate>); 3] {
        [("server", self.server.as_ref()), ("client", self.client.as_ref()), ("ca", self.authority.as_ref())]
    }
}

/// The certificates in use, as whoever reads the files tells them.
pub type CertificatesInUse = Mutex<Certificates>;
