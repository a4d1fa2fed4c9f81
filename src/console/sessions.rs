//! Who is logged in: a session for each, known by a secret in a cookie.

use super::{Refusal, refuse};
use crate::config;
use crate::dispatch;
use crate::engine::{Engine, Session};
use crate::http::{Request, Status};
use bytes::Bytes;
use compact_str::format_compact;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sessions at a time; above that the one that was idle longest ends.
const SESSIONS_MAX: usize = 64;
/// How long a session lasts unused, and at all.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
const AGE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Hexadecimal digits of a secret.
const TOKEN_LEN: usize = 64;

/// One who is logged in; a client like any other.
pub(super) struct Login {
    engine: Arc<Engine>,
    pub session: Mutex<Session>,
    began: Instant,
    used: Mutex<Instant>,
}

impl Login {
    /// Whether it was closed from elsewhere (CLIENT KILL, ACL DELUSER, `timeout`), or its time is over.
    fn is_over(&self) -> bool {
        let Some(session) = self.session.try_lock() else { return false };
        let closed = session.client.outbox.is_filled() && session.client.outbox.take().1.is_some();
        closed
            || session.user().is_removed()
            || self.used.lock().elapsed() > IDLE_MAX
            || self.began.elapsed() > AGE_MAX
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.session.get_mut().end(&self.engine);
    }
}

/// The sessions there are.
#[derive(Default)]
pub(super) struct Sessions {
    live: Mutex<HashMap<String, Arc<Login>>>,
}

impl Sessions {
    /// Logs a user in; answers the secret that stands for the session.
    pub(super) fn begin(
        &self,
        engine: &Arc<Engine>,
        request: &Request,
        user: &str,
        password: &str,
    ) -> Result<String, Refusal> {
        let (addr, laddr) = (format_compact!("{}", request.peer), format_compact!("{}", request.local));
        let limit = engine.settings.int(config::MAXCLIENTS) as usize;
        let Some(client) = engine.clients.connect(addr, laddr, -1, engine.now_ms(), limit) else {
            return Err(refuse(Status::Unavailable, "the server has as many clients as it may have"));
        };
        client.introduce(|said| said.name = Bytes::from_static(b"console"));
        let session = Session::new(client, engine);
        let now = Instant::now();
        let mut login =
            Login { engine: engine.clone(), session: session.into(), began: now, used: now.into() };
        let session = login.session.get_mut();
        let words = ["HELLO", "3", "AUTH", user, password].map(str::as_bytes);
        super::visit::Visit { engine, session }
            .call(&words)
            .map_err(|why| refuse(Status::Unauthorized, &why))?;
        let open = engine.acl.user(user.as_bytes()).is_none_or(|user| user.is_open());
        let stranger = !request.peer.ip().to_canonical().is_loopback();
        if open && stranger && engine.settings.yes(config::PROTECTED_MODE) {
            return Err(refuse(
                Status::Forbidden,
                "protected mode: this user has no password, so only the machine itself may use it",
            ));
        }
        let token = crate::base::random::hex(TOKEN_LEN);
        let mut live = self.live.lock();
        if live.len() >= SESSIONS_MAX {
            let oldest =
                live.iter().min_by_key(|(_, login)| *login.used.lock()).map(|(token, _)| token.clone());
            oldest.map(|token| live.remove(&token));
        }
        live.insert(token.clone(), Arc::new(login));
        Ok(token)
    }

    /// The session of a secret.
    pub(super) fn find(&self, token: &str) -> Option<Arc<Login>> {
        let login = self.live.lock().get(token).cloned()?;
        if login.is_over() {
            self.end(token);
            return None;
        }
        *login.used.lock() = Instant::now();
        Some(login)
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &str) {
        self.live.lock().remove(token);
    }

    /// Ends those that are over.
    pub(super) fn sweep(&self) {
        self.live.lock().retain(|_, login| !login.is_over());
    }

    /// Ends all.
    pub(super) fn clear(&self) {
        self.live.lock().clear();
    }
}

/// The cookie's name: browsers send a cookie to every port of a host.
pub(super) fn cookie(port: u16) -> String {
    format!("synap-console-{port}")
}

/// Sets the cookie: no script sees it, and no other site's page has it sent.
pub(super) fn set(name: &str, token: &str) -> String {
    format!("{name}={token}; Path=/console/; HttpOnly; SameSite=Strict; Max-Age={}", AGE_MAX.as_secs())
}

/// Takes the cookie back.
pub(super) fn forget(name: &str) -> String {
    format!("{name}=; Path=/console/; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Whether the user that a session belongs to may run a call; nothing is written down.
pub(super) fn may(engine: &Engine, session: &Session, words: &[&[u8]]) -> bool {
    let user = session.user();
    let calls = dispatch::Calls::of(words.iter().copied());
    let call = calls.get(0);
    call.entry.is_some_and(|entry| {
        let asked = crate::commands::access::Asked { entry, argv: call.argv, db: session.db };
        user.is_unrestricted() || crate::commands::access::is_permitted(engine, user, &asked)
    })
}
