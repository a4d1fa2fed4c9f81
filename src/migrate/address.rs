//! Where a server is, and how to log in: `redis://[[user]:password@]host[:port]`.

use super::Failure;
use crate::resp::link::Link;
use crate::resp::read::Frame;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("redis://") else {
            return Err("an address is written redis://[[user]:password@]host[:port]".into());
        };
        let rest = rest.trim_end_matches('/');
        let (login, place) =
            rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => (None, None),
            Some((user, password)) => {
                let decoded = |text: &str| percent_decoded(text).ok_or("a login has a malformed % sequence");
                (Some(decoded(user)?).filter(|user| !user.is_empty()), Some(decoded(password)?))
            }
        };
        let (host, port) = match place.rsplit_once(':') {
            // A bare IPv6 address has more colons, and no port.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("{port} is no port"))?)
            }
            _ => (place, 6379),
        };
        let host = host.trim_matches(['[', ']']).to_string();
        if host.is_empty() {
            return Err("an address needs a host".into());
        }
        Ok(Address { host, port, user, password })
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Address {
    /// Connects and logs in.
    pub(super) fn connect(&self) -> Result<Link, Failure> {
        let place = |error: std::io::Error| Failure::from(error).at(self);
        let mut link = Link::connect(&self.host, self.port, TIMEOUT).map_err(place)?;
        if let Some(password) = &self.password {
            let mut auth: Vec<&[u8]> = vec![b"AUTH"];
            auth.extend(self.user.iter().map(String::as_bytes));
            auth.push(password.as_bytes());
            ask(&mut link, &auth).map_err(|failure| failure.at(self))?;
        }
        ask(&mut link, &[b"PING"]).map_err(|failure| failure.at(self))?;
        Ok(link)
    }
}

/// Sends a command and returns its reply; an error reply is a failure.
pub(super) fn ask(link: &mut Link, argv: &[&[u8]]) -> Result<Frame, Failure> {
    match link.ask(argv)? {
        Frame::SimpleError { data, .. } => Err(Failure::Failed(data.to_string())),
        reply => Ok(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_parts() {
        let address: Address = "redis://ann:p%40ss:x@example.org:7000".parse().unwrap();
        let (user, password) = (Some("ann".into()), Some("p@ss:x".into()));
        assert_eq!(address, Address { host: "example.org".into(), port: 7000, user, password });
        let address: Address = "redis://:secret@[::1]/".parse().unwrap();
        let password = Some("secret".into());
        assert_eq!(address, Address { host: "::1".into(), port: 6379, user: None, password });
        for bad in ["localhost", "redis://", "redis://h:x", "rediss://h", "redis://%4@h"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
