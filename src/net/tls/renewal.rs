//! Certificates and keys that are replaced while the server runs: their files are looked at as often as
//! `tls-auto-reload-interval` says, and read again when one of them is another.

use super::Tls;
use crate::config::{self, Name, Settings};
use crate::engine::Engine;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The settings that name files.
const FILES: [Name; 4] =
    [config::TLS_CERT_FILE, config::TLS_KEY_FILE, config::TLS_CLIENT_CERT_FILE, config::TLS_CA_CERT_FILE];
/// How often the interval is looked at.
const TICK: Duration = Duration::from_secs(1);

/// What tells a file from the one that stood there before: its inode, length and times.
type Mark = (u64, u64, (i64, i64), (i64, i64));

/// The files that TLS is made of, as they are now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Materials(Vec<(Option<Mark>, PathBuf)>);

impl Materials {
    /// Those that the settings name, and what lies in the directory of authorities.
    pub(super) fn of(settings: &Settings) -> Self {
        let named = FILES.iter().map(|name| PathBuf::from(settings.string(*name)));
        let mut paths: Vec<_> = named.filter(|path| !path.as_os_str().is_empty()).collect();
        let directory = settings.string(config::TLS_CA_CERT_DIR);
        if !directory.is_empty() {
            let items = std::fs::read_dir(&directory).into_iter().flatten();
            let mut found: Vec<_> = items.filter_map(|item| Some(item.ok()?.path())).collect();
            found.sort();
            paths.push(directory.into());
            paths.extend(found);
        }
        Self(paths.into_iter().map(|path| (mark(&path), path)).collect())
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.ino(), file.len(), (file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())))
}

impl Tls {
    /// Follows changes of the files until the server stops.
    pub async fn renew(self: Arc<Self>, engine: Arc<Engine>) {
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = engine.stop.cancelled() => return,
            }
            let interval = engine.settings.int(config::TLS_AUTO_RELOAD_INTERVAL) as u64;
            if interval == 0 || looked.elapsed() < Duration::from_secs(interval) {
                continue;
            }
            looked = Instant::now();
            let (tls, of) = (self.clone(), engine.clone());
            if let Err(panic) = tokio::task::spawn_blocking(move || tls.look(&of.settings)).await {
                tracing::error!("reading certificates again panicked: {panic}");
            }
        }
    }

    /// Reads the files again if one of them has changed. What cannot be used is tried again at the next look.
    fn look(&self, settings: &Settings) {
        match self.follow_changed(settings) {
            // Who waits for a renewed certificate reads the log for these words of Valkey's.
            Ok(true) => tracing::info!("TLS materials reloaded successfully"),
            Ok(false) => tracing::trace!("TLS materials unchanged"),
            Err(why) => tracing::warn!("TLS stays as it was: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use std::fs;

    #[test]
    fn another_file_is_told_from_the_one_before() {
        let dir = std::env::temp_dir().join(format!("synap-materials-{}", std::process::id()));
        fs::create_dir_all(dir.join("authorities")).unwrap();
        let (cert, settings) = (dir.join("cert.pem"), Settings::new());
        let path = |path: &Path| path.to_str().unwrap().as_bytes().to_vec();
        let pairs: [(&[u8], &[u8]); 2] =
            [(b"tls-cert-file", &path(&cert)), (b"tls-ca-cert-dir", &path(&dir.join("authorities")))];
        settings.set(&pairs, Origin::Local).unwrap();

        let mut seen = vec![Materials::of(&settings)];
        let mut changed = || {
            let now = Materials::of(&settings);
            assert_eq!(now, Materials::of(&settings));
            assert_ne!(Some(&now), seen.last());
            seen.push(now);
        };
        fs::write(&cert, "one").unwrap();
        changed();
        fs::write(&cert, "three").unwrap();
        changed();
        fs::write(dir.join("other.pem"), "two").unwrap();
        fs::rename(dir.join("other.pem"), &cert).unwrap();
        changed();
        fs::write(dir.join("authorities/ca.pem"), "ca").unwrap();
        changed();
        fs::remove_file(&cert).unwrap();
        changed();
        fs::remove_dir_all(&dir).unwrap();
    }
}
