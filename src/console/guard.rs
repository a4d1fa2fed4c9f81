//! Who may ask at all: addresses, and pages of others that make a browser ask.

use super::{Refusal, refuse};
use crate::config::{self, Settings};
use crate::http::{Method, Request, Response, Status};
use std::net::IpAddr;

/// The numbers of the words of the setting `console`.
pub(super) const OFF: i64 = 0;
const LOCAL: i64 = 1;

/// What the page may load and do: its own files alone, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether there is a console for this request: for all, or for those who ask from the same machine.
pub(super) fn is_served(settings: &Settings, request: &Request) -> bool {
    let is_local = |ip: IpAddr| ip.to_canonical().is_loopback();
    match settings.int(config::CONSOLE) {
        OFF => false,
        LOCAL => is_local(request.local.ip()) && is_local(request.peer.ip()),
        _ => true,
    }
}

/// Refuses what another site's page made the browser send.
///
/// - the name it asks for is an address, `localhost`, or one of `console-hosts`: a foreign name that was
///   pointed at this server is none of these (DNS rebinding);
/// - browsers say whose page sends a request: `Sec-Fetch-Site`, and `Origin` where something is done;
/// - what is done comes as JSON, which a foreign page may not send without asking first.
pub(super) fn check(settings: &Settings, request: &Request) -> Result<(), Refusal> {
    let host = request.header("host").unwrap_or_default();
    if !is_own(settings, host) {
        return Err(refuse(Status::Forbidden, "this host name is not among console-hosts"));
    }
    if let Some(site) = request.header("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return Err(refuse(Status::Forbidden, "another site's page sent this"));
    }
    if request.method != Method::Post {
        return Ok(());
    }
    if let Some(origin) = request.header("origin")
        && origin.split_once("://").is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host))
    {
        return Err(refuse(Status::Forbidden, "another site's page sent this"));
    }
    let kind = request.header("content-type").unwrap_or_default();
    if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(refuse(Status::UnsupportedMediaType, "only application/json"));
    }
    Ok(())
}

/// Whether `host`, a name and perhaps a port, is this server's.
fn is_own(settings: &Settings, host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let named = settings.string(config::CONSOLE_HOSTS);
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || named.split(' ').any(|known| !known.is_empty() && known.eq_ignore_ascii_case(name))
}

/// Adds what browsers are to keep to.
pub(super) fn seal(response: Response) -> Response {
    response
        .with("Content-Security-Policy", POLICY)
        .with("Cross-Origin-Resource-Policy", "same-origin")
        .with("Cross-Origin-Opener-Policy", "same-origin")
        .with("Referrer-Policy", "no-referrer")
        .with("X-Frame-Options", "DENY")
}
