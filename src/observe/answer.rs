//! The requests that are answered here.

use super::page;
use crate::engine::Engine;
use crate::http::{Method, Request, Response, Status};
use std::sync::Arc;

/// The type of Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers a request if it is for metrics; `commands` are the commands' names by number.
pub async fn answer(
    engine: Arc<Engine>,
    commands: Arc<[&'static str]>,
    request: &Request,
) -> Option<Response> {
    let is_read = request.method != Method::Post;
    match request.path.as_str() {
        "/metrics" | "/healthz" if !is_read => Some(Response::text(Status::MethodNotAllowed, "only GET\n")),
        "/metrics" => {
            let text = tokio::task::spawn_blocking(move || page(&engine, &commands)).await;
            Some(match text {
                Ok(text) => Response::new(Status::Ok, TEXT, text.into_bytes()),
                Err(_) => Response::text(Status::InternalError, ""),
            })
        }
        "/healthz" if engine.loading.is_active() => Some(Response::text(Status::Unavailable, "loading\n")),
        "/healthz" => Some(Response::text(Status::Ok, "ok\n")),
        _ => None,
    }
}
