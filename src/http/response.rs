//! A response, and how it is sent.

use super::Method;
use std::borrow::Cow;
use std::fmt::Write;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of the standard
pub enum Status {
    Ok,
    NoContent,
    SeeOther,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    BodyTooLarge,
    UnsupportedMediaType,
    TooManyRequests,
    TooLarge,
    InternalError,
    NotImplemented,
    Unavailable,
}

impl Status {
    /// Its number and its name.
    pub fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::NoContent => "204 No Content",
            Status::SeeOther => "303 See Other",
            Status::BadRequest => "400 Bad Request",
            Status::Unauthorized => "401 Unauthorized",
            Status::Forbidden => "403 Forbidden",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::Conflict => "409 Conflict",
            Status::BodyTooLarge => "413 Content Too Large",
            Status::UnsupportedMediaType => "415 Unsupported Media Type",
            Status::TooManyRequests => "429 Too Many Requests",
            Status::TooLarge => "431 Request Header Fields Too Large",
            Status::InternalError => "500 Internal Server Error",
            Status::NotImplemented => "501 Not Implemented",
            Status::Unavailable => "503 Service Unavailable",
        }
    }
}

/// One response.
#[derive(Clone, Debug)]
pub struct Response {
    /// How the request ended.
    pub status: Status,
    headers: Vec<(&'static str, Cow<'static, str>)>,
    /// What is sent.
    pub body: Cow<'static, [u8]>,
}

impl Response {
    /// A response with a body of this type.
    pub fn new(status: Status, kind: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status, headers: vec![("Content-Type", kind.into())], body: body.into() }
    }

    /// A line of text.
    pub fn text(status: Status, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.into().into_bytes())
    }

    /// Adds a header. Its value has to be free of line ends.
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        let value = value.into();
        debug_assert!(!value.contains(['\r', '\n']), "{name}: {value}");
        self.headers.push((name, value));
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| &**value)
    }

    /// Sends it, and ends the connection's side of this server.
    pub(super) async fn send(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        method: Method,
    ) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status.line());
        // A `String` takes every write.
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(
            head,
            "Content-Length: {}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            self.body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        if method != Method::Head {
            stream.write_all(&self.body).await?;
        }
        stream.shutdown().await
    }
}
