//! A request: read within limits, or refused.

use super::Status;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of the longest head: request line and headers.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Headers of a request at most.
const HEADERS_MAX: usize = 64;
/// Bytes of the longest body.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What a request asks to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Tell something.
    Get,
    /// As `Get`, without the body.
    Head,
    /// Do something.
    Post,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// What stands behind its `?`, as it was sent.
    pub query: String,
    /// The headers, names in lower case.
    headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whose it is.
    pub peer: SocketAddr,
    /// The address it came to.
    pub local: SocketAddr,
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.header("cookie")?.split(';');
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(found, _)| *found == name).map(|(_, v)| v)
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| decode(value.as_bytes()))
    }

    /// Reads a request from a connection; `None` when it was closed before one came.
    ///
    /// # Errors
    /// Outside, when the connection fails; inside, what the request is refused with.
    pub(super) async fn read(
        stream: &mut (impl AsyncRead + Unpin),
        peer: SocketAddr,
        local: SocketAddr,
    ) -> io::Result<Option<Result<Self, Status>>> {
        let mut bytes = Vec::with_capacity(1024);
        let end = loop {
            let seen = bytes.len().saturating_sub(3);
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
            if let Some(at) = memchr::memmem::find(&bytes[seen..], b"\r\n\r\n") {
                break seen + at;
            }
            if bytes.len() > HEAD_BYTES_MAX {
                return Ok(Some(Err(Status::TooLarge)));
            }
        };
        if end > HEAD_BYTES_MAX {
            return Ok(Some(Err(Status::TooLarge)));
        }
        let body = bytes.split_off(end + 4);
        let mut request = match head(&bytes[..end], peer, local) {
            Ok(request) => request,
            Err(status) => return Ok(Some(Err(status))),
        };
        let wanted = match request.header("content-length").map(str::parse::<usize>) {
            None => 0,
            Some(Ok(n)) if n <= BODY_BYTES_MAX => n,
            Some(Ok(_)) => return Ok(Some(Err(Status::BodyTooLarge))),
            Some(Err(_)) => return Ok(Some(Err(Status::BadRequest))),
        };
        request.body = body;
        while request.body.len() < wanted {
            if stream.read_buf(&mut request.body).await? == 0 {
                return Ok(None);
            }
        }
        // One request a connection: what is sent behind it is not read.
        request.body.truncate(wanted);
        Ok(Some(Ok(request)))
    }
}

/// Reads request line and headers.
fn head(bytes: &[u8], peer: SocketAddr, local: SocketAddr) -> Result<Request, Status> {
    let text = std::str::from_utf8(bytes).map_err(|_| Status::BadRequest)?;
    if text.bytes().any(|b| b == 0 || b < b' ' && !matches!(b, b'\r' | b'\n' | b'\t')) {
        return Err(Status::BadRequest);
    }
    let mut lines = text.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else { return Err(Status::BadRequest) };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") || !target.starts_with('/') || !target.is_ascii() {
        return Err(Status::BadRequest);
    }
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        _ => return Err(Status::MethodNotAllowed),
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Status::BadRequest)?;
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) || line.contains(['\r', '\n']) {
            return Err(Status::BadRequest);
        }
        let name = name.to_ascii_lowercase();
        let known = headers.iter().any(|(found, _)| *found == name);
        if known && matches!(name.as_str(), "host" | "content-length" | "origin" | "cookie") {
            return Err(Status::BadRequest);
        }
        if name == "transfer-encoding" {
            return Err(Status::NotImplemented);
        }
        if headers.len() == HEADERS_MAX {
            return Err(Status::TooLarge);
        }
        headers.push((name, value.trim().to_owned()));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    Ok(Request { method, path, query, headers, body: Vec::new(), peer, local })
}

/// Undoes percent-encoding; what is none stays as it is.
pub fn decode(mut value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    while let [first, rest @ ..] = value {
        let digit = |b: u8| char::from(b).to_digit(16);
        match (first, rest) {
            (b'%', [high, low, rest @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                let byte = digit(*high).unwrap_or(0) * 16 + digit(*low).unwrap_or(0);
                out.push(byte as u8);
                value = rest;
            }
            _ => {
                out.push(*first);
                value = rest;
            }
        }
    }
    out
}
