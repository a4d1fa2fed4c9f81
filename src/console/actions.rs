//! What the page does, and by which calls.

use super::json::of;
use super::views::select;
use super::visit::Visit;
use super::{Refusal, refuse};
use crate::http::{Status, decode};
use serde_json::{Value, json};

/// Messages that one action names at most.
const IDS_MAX: usize = 1000;

/// An action, by its name in the path. `{"db": 0, "key": percent-encoded, "ids": […]}`; without `ids` all dead messages.
pub(super) fn run(visit: &mut Visit<'_>, name: &str, body: &Value) -> Result<Value, Refusal> {
    let key = body["key"].as_str().map(|key| decode(key.as_bytes()));
    let Some(key) = key else { return Err(refuse(Status::BadRequest, "a key is missing")) };
    let ids: Option<Vec<&str>> =
        body["ids"].as_array().map(|ids| ids.iter().filter_map(Value::as_str).collect());
    if ids.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > IDS_MAX) {
        return Err(refuse(Status::BadRequest, "name 1 to 1000 messages"));
    }
    let count = ids.as_ref().map_or(0, Vec::len).to_string();
    let mut words: Vec<&[u8]> = match (name, &ids) {
        ("redrive", None) => vec![b"QREDRIVE", &key],
        ("redrive", Some(_)) => vec![b"QREDRIVE", &key, b"IDS", count.as_bytes()],
        ("discard", None) => vec![b"QDEL", &key, b"ALL", b"DEAD"],
        ("discard", Some(_)) => vec![b"QDEL", &key],
        _ => return Err(refuse(Status::NotFound, "there is no such action")),
    };
    words.extend(ids.iter().flatten().map(|id| id.as_bytes()));
    select(visit.engine, visit.session, body["db"].as_i64().unwrap_or(0))?;
    let done = visit.call(&words);
    visit.session.select(0);
    let done = done.map_err(|why| {
        let status = if why.starts_with("NOPERM") { Status::Forbidden } else { Status::Conflict };
        refuse(status, &why)
    })?;
    Ok(json!({ "count": of(&done, 64) }))
}
