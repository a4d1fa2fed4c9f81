//! TLS on `tls-port`: what it is made of, how a certificate names a user, and how all of it is
//! replaced while the server runs.

mod ciphers;
mod files;
mod identity;
mod renewal;

use crate::acl::User;
use crate::config::{self, Name, Settings};
use crate::engine::{Certificates, CertificatesInUse, Engine};
use parking_lot::{Mutex, RwLock};
use rustls::server::{NoServerSessionStorage, ServerConfig, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, SupportedProtocolVersion, version};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use identity::names;
use renewal::Materials;

/// How long securing a connection may take.
const GREETING: Duration = Duration::from_secs(10);

/// The first byte that a client of TLS sends.
const HANDSHAKE: u8 = 22;

/// The settings that a change of makes everything anew. The files are read again, so setting one to
/// what it is loads a renewed certificate.
const SETTINGS: [Name; 14] = [
    config::TLS_CERT_FILE,
    config::TLS_KEY_FILE,
    config::TLS_KEY_FILE_PASS,
    config::TLS_CLIENT_CERT_FILE,
    config::TLS_CA_CERT_FILE,
    config::TLS_CA_CERT_DIR,
    config::TLS_AUTH_CLIENTS,
    config::TLS_PROTOCOLS,
    config::TLS_CIPHERS,
    config::TLS_CIPHERSUITES,
    config::TLS_PREFER_SERVER_CIPHERS,
    config::TLS_SESSION_CACHING,
    config::TLS_SESSION_CACHE_SIZE,
    config::TLS_PORT,
];

/// What new connections of `tls-port` are secured by.
#[derive(Default)]
pub struct Tls {
    config: RwLock<Option<Arc<ServerConfig>>>,
    /// The files it was made of. Held while it is made anew.
    materials: Mutex<Materials>,
    /// Where it is told which certificates are in use.
    in_use: Arc<CertificatesInUse>,
    /// Connections being secured.
    greeted: AtomicUsize,
}

impl Tls {
    /// None yet; the certificates that come to be used are told in `in_use`.
    pub fn new(in_use: Arc<CertificatesInUse>) -> Self {
        Self { in_use, ..Self::default() }
    }

    /// Reads certificate, key and authorities as the settings say, when there is a `tls-port`.
    ///
    /// # Errors
    /// What is wrong with them: what was in use stays in use.
    pub fn follow(&self, settings: &Settings) -> Result<(), String> {
        self.make(settings, &mut self.materials.lock(), Materials::of(settings))
    }

    /// The same if a file is another than it was; tells whether one is.
    fn follow_changed(&self, settings: &Settings) -> Result<bool, String> {
        let mut materials = self.materials.lock();
        let found = Materials::of(settings);
        if settings.int(config::TLS_PORT) == 0 || *materials == found {
            return Ok(false);
        }
        self.make(settings, &mut materials, found).map(|()| true)
    }

    fn make(&self, settings: &Settings, materials: &mut Materials, found: Materials) -> Result<(), String> {
        let (config, certificates) = match settings.int(config::TLS_PORT) {
            0 => (None, Certificates::default()),
            _ => build(settings).map(|(config, certificates)| (Some(Arc::new(config)), certificates))?,
        };
        *self.config.write() = config;
        *self.in_use.lock() = certificates;
        *materials = found;
        Ok(())
    }

    /// Has every later change of the settings heeded.
    pub fn watch(self: &Arc<Self>, settings: &Settings) {
        let tls = self.clone();
        settings.on_change(&SETTINGS, move |settings| {
            tls.follow(settings).map_err(|why| {
                tracing::warn!("TLS stays as it was: {why}");
                format!("Unable to update TLS configuration. {why}")
            })
        });
    }

    /// Secures a new connection; returns it with the user that its certificate names.
    ///
    /// # Errors
    /// Why it came to nothing, for the log.
    pub async fn greet(
        &self,
        stream: TcpStream,
        engine: &Engine,
    ) -> Result<(TlsStream<TcpStream>, Option<Arc<User>>), String> {
        let config = self.config.read().clone().ok_or("there is no tls-port any more")?;
        let _turn = self.turn(engine).ok_or("too many connections are being secured")?;
        let secured = async {
            // Nobody who speaks something else gets a TLS alert for it: a client would take that for a reply.
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
                return Err(io::Error::other("it does not speak TLS"));
            }
            TlsAcceptor::from(config).accept(stream).await
        };
        let stream = tokio::select! {
            secured = tokio::time::timeout(GREETING, secured) => secured.map_err(|_| "it took too long")?,
            () = engine.stop.cancelled() => return Err("the server stops".into()),
        };
        let stream = stream.map_err(|error| error.to_string())?;
        let user = user(engine, &stream);
        Ok((stream, user))
    }

    /// A place among the connections being secured, of which there are no more than clients may be.
    fn turn(&self, engine: &Engine) -> Option<Turn<'_>> {
        let turn = Turn(&self.greeted);
        let others = self.greeted.fetch_add(1, Relaxed) + engine.clients.len();
        (others < engine.settings.int(config::MAXCLIENTS) as usize).then_some(turn)
    }
}

/// Whom a client's certificate names, if that user may log in.
fn user(engine: &Engine, stream: &TlsStream<TcpStream>) -> Option<Arc<User>> {
    let by_uri = match &engine.settings.text(config::TLS_AUTH_CLIENTS_USER)[..] {
        b"CN" => false,
        b"URI" => true,
        _ => return None,
    };
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let names = names(certificate, by_uri);
    let known = |name: &String| engine.acl.user(name.as_bytes()).filter(|user| user.rules().on);
    let user = names.iter().find_map(known);
    if user.is_none() {
        engine.metrics.local().counters.denied_certificates.add(1);
        tracing::info!(?names, "a client's certificate names no user");
    }
    user
}

/// A place among the connections being secured.
struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn build(settings: &Settings) -> Result<(ServerConfig, Certificates), String> {
    let (chain, key) = files::identity(settings)?;
    let authorities = files::authorities(settings);
    let certificates = Certificates {
        server: chain.first().and_then(|own| identity::facts(own)),
        client: files::client(settings).and_then(|own| identity::facts(&own)),
        authority: authorities.as_ref().ok().and_then(|all| all.facts()),
    };
    let provider = Arc::new(ciphers::provider(settings)?);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&protocols(settings)?)
        .map_err(|error| format!("tls-protocols and ciphers do not fit: {error}"))?;
    let who = settings.string(config::TLS_AUTH_CLIENTS);
    let builder = if who == "no" {
        builder.with_no_client_auth()
    } else {
        let roots = authorities?.roots()?;
        if roots.is_empty() {
            return Err(
                "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-auth-clients is \
                        enabled"
                    .into(),
            );
        }
        builder.with_client_cert_verifier(verifier(roots, provider, who == "optional")?)
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("tls-cert-file and tls-key-file do not fit: {error}"))?;
    config.ignore_client_order = settings.yes(config::TLS_PREFER_SERVER_CIPHERS);
    config.session_storage = match settings.yes(config::TLS_SESSION_CACHING) {
        true => ServerSessionMemoryCache::new(settings.int(config::TLS_SESSION_CACHE_SIZE) as usize),
        false => Arc::new(NoServerSessionStorage {}),
    };
    Ok((config, certificates))
}

fn verifier(
    roots: RootCertStore,
    provider: Arc<rustls::crypto::CryptoProvider>,
    optional: bool,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, String> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| format!("the authorities cannot be used: {error}"))
}

/// The versions of `tls-protocols`; both that are safe when it names none.
fn protocols(settings: &Settings) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let words = settings.words(config::TLS_PROTOCOLS);
    if words.is_empty() {
        return Ok(vec![&version::TLS13, &version::TLS12]);
    }
    let mut versions = Vec::new();
    for word in words {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.3" => versions.push(&version::TLS13),
            "tlsv1.2" => versions.push(&version::TLS12),
            "tlsv1.1" | "tlsv1" => {
                tracing::warn!("tls-protocols: {word} is not safe and not offered");
            }
            _ => return Err(format!("tls-protocols: '{word}' is none of TLSv1.2 TLSv1.3")),
        }
    }
    if versions.is_empty() {
        Err("tls-protocols: only TLSv1.2 and TLSv1.3 are offered".into())
    } else {
        Ok(versions)
    }
}
