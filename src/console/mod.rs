//! Floor 8: the console, a page for operators that comes with the program.
//!
//! ```text
//! GET  /console/…            the page: files in the program, nothing from elsewhere
//! POST /console/api/login    a user and a password, as AUTH takes them; answers a cookie
//! GET  /console/api/VIEW     what the page shows: overview, slow, clients, queues, queue, keys
//! POST /console/api/ACTION   redrive, discard, logout
//! ```
//! Whoever has logged in is a client like any other: its calls pass the gates, its user's rules say what is shown
//! and done, CLIENT LIST names it, CLIENT KILL and the removal of its user end it. The page runs no call of its own making:
//! `views` and `actions` name each.

mod actions;
mod assets;
mod brake;
mod guard;
mod history;
mod json;
mod sessions;
mod views;
mod visit;

use crate::config;
use crate::engine::Engine;
use crate::http::{Method, Request, Response, Status};
use brake::Brake;
use history::History;
use serde_json::{Value, json};
use sessions::{Login, Sessions};
use std::sync::Arc;
use std::time::Duration;

/// The console of a server.
pub struct Console {
    engine: Arc<Engine>,
    sessions: Sessions,
    brake: Brake,
    history: History,
}

/// Between two samples of what the page draws.
const SAMPLE: Duration = Duration::from_secs(1);

/// What a request ends with before it is answered.
type Refusal = Box<Response>;

impl Console {
    /// The console of `engine`.
    pub fn new(engine: Arc<Engine>) -> Self {
        let (sessions, brake, history) = (Sessions::default(), Brake::default(), History::default());
        Self { engine, sessions, brake, history }
    }

    /// Samples what the page draws, and ends sessions that are over, until the server stops.
    pub async fn attend(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(SAMPLE);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.engine.stop.cancelled() => return,
            }
            if self.engine.settings.int(config::CONSOLE) == guard::OFF {
                self.sessions.clear();
                continue;
            }
            self.history.sample(&self.engine);
            self.sessions.sweep();
        }
    }

    /// Answers a request.
    pub async fn answer(self: Arc<Self>, request: Request) -> Response {
        if !guard::is_served(&self.engine.settings, &request) {
            return Response::text(Status::NotFound, "GET /metrics or /healthz\n");
        }
        let response = match request.path.as_str() {
            path if path.starts_with("/console/api/") => {
                self.api(request).await.unwrap_or_else(|refusal| *refusal).with("Cache-Control", "no-store")
            }
            _ if request.method == Method::Post => Response::text(Status::MethodNotAllowed, "only GET\n"),
            "/" | "/console" => Response::text(Status::SeeOther, "").with("Location", "/console/"),
            path => assets::find(path)
                .unwrap_or_else(|| Response::text(Status::NotFound, "GET /console/, /metrics or /healthz\n")),
        };
        guard::seal(response)
    }

    async fn api(self: &Arc<Self>, request: Request) -> Result<Response, Refusal> {
        guard::check(&self.engine.settings, &request)?;
        let name = request.path.trim_start_matches("/console/api/").to_owned();
        if name == "login" {
            return self.log_in(&request).await;
        }
        let cookie = sessions::cookie(request.local.port());
        let token = request.cookie(&cookie).unwrap_or_default().to_owned();
        let Some(login) = self.sessions.find(&token) else {
            if name == "session" {
                return Ok(answer(json!({ "user": null })));
            }
            return Err(refuse(Status::Unauthorized, "log in first"));
        };
        if request.method == Method::Post && name == "logout" {
            self.sessions.end(&token);
            return Ok(answer(json!({})).with("Set-Cookie", sessions::forget(&cookie)));
        }
        let console = self.clone();
        tokio::task::spawn_blocking(move || console.work(&login, &request, &name))
            .await
            .unwrap_or_else(|_| Err(refuse(Status::InternalError, "this failed; the server's log says why")))
    }

    /// Runs a view or an action; it may take its time.
    fn work(&self, login: &Login, request: &Request, name: &str) -> Result<Response, Refusal> {
        let mut session = login.session.lock();
        let mut visit = visit::Visit { engine: &self.engine, session: &mut session };
        let value = match request.method {
            Method::Post => actions::run(&mut visit, name, &body(request)?),
            _ => views::show(&mut visit, &self.history, name, request),
        };
        value.map(answer)
    }

    async fn log_in(&self, request: &Request) -> Result<Response, Refusal> {
        if request.method != Method::Post {
            return Err(refuse(Status::MethodNotAllowed, "only POST"));
        }
        if let Err(wait) = self.brake.admit(request.peer.ip()) {
            let seconds = wait.as_secs() + 1;
            let refusal = refuse(Status::TooManyRequests, &format!("too many attempts: wait {seconds} s"));
            return Err(Box::new(refusal.with("Retry-After", seconds.to_string())));
        }
        let body = body(request)?;
        let word = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (user, password) = (word("user"), word("password"));
        let token = self.sessions.begin(&self.engine, request, &user, &password)?;
        self.brake.passed(request.peer.ip());
        let cookie = sessions::set(&sessions::cookie(request.local.port()), &token);
        Ok(answer(json!({ "user": user })).with("Set-Cookie", cookie))
    }
}

fn answer(value: Value) -> Response {
    Response::new(Status::Ok, "application/json", value.to_string().into_bytes())
}

/// A refusal that the page shows to its user.
fn refuse(status: Status, why: &str) -> Refusal {
    let body = json!({ "error": why }).to_string().into_bytes();
    Box::new(Response::new(status, "application/json", body))
}

fn body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| refuse(Status::BadRequest, "the body is no JSON"))
}
