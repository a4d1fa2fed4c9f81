//! The files of the page, in the program.

use crate::http::{Response, Status};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const FILES: &[(&str, &str, &[u8])] = &[
    ("/console/", HTML, include_bytes!("page/index.html")),
    ("/console/console.css", CSS, include_bytes!("page/console.css")),
    ("/console/console.js", JS, include_bytes!("page/console.js")),
    ("/console/dom.js", JS, include_bytes!("page/dom.js")),
    ("/console/chart.js", JS, include_bytes!("page/chart.js")),
    ("/console/views.js", JS, include_bytes!("page/views.js")),
    ("/console/queues.js", JS, include_bytes!("page/queues.js")),
    ("/console/icon.svg", SVG, include_bytes!("page/icon.svg")),
];

/// The file at `path`.
pub(super) fn find(path: &str) -> Option<Response> {
    let (_, kind, bytes) = FILES.iter().find(|(name, ..)| *name == path)?;
    Some(Response::new(Status::Ok, kind, *bytes).with("Cache-Control", "no-cache"))
}
