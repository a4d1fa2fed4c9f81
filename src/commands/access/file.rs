//! ACL LOAD and SAVE, and the users that a server starts with.

use super::{ADMINS, disconnect};
use crate::acl::Lines;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::config::{self, Settings};
use crate::engine::Engine;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const NO_FILE: Error = Error::new(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
     SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to \
     store users in the Redis configuration.",
);

pub(super) const LOAD: Command = Command::new("LOAD", "acl|load", Group::Server, Run::Slow(load))
    .syntax("")
    .flags(ADMINS)
    .doc("6.0.0", "O(N) where N is the number of users.", "Replaces the users by those of the ACL file.");

fn load(cx: &mut Outer<'_>) -> Result {
    let file = cx.engine.settings.string(config::ACLFILE);
    if file.is_empty() {
        return Err(NO_FILE);
    }
    let text = fs::read(&file)
        .map_err(|error| Error::text(format!("ERR Error loading ACLs, opening file '{file}': {error}")))?;
    let lines =
        Lines::read(&cx.engine.acl, &file, &text).map_err(|faults| Error::text(format!("ERR {faults}")))?;
    let (gone, changed) = cx.engine.acl.replace(lines);
    gone.iter().for_each(|user| disconnect::all(cx.engine, cx.session, user));
    for (user, before) in &changed {
        disconnect::deaf(cx.engine, cx.session, user, before);
    }
    cx.reply.ok();
    Ok(())
}

pub(super) const SAVE: Command = Command::new("SAVE", "acl|save", Group::Server, Run::Slow(save))
    .syntax("")
    .flags(ADMINS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc("6.0.0", "O(N) where N is the number of users.", "Writes the users into the ACL file.");

fn save(cx: &mut Outer<'_>) -> Result {
    let file = cx.engine.settings.string(config::ACLFILE);
    if file.is_empty() {
        return Err(NO_FILE);
    }
    let mut text = cx.engine.acl.describe().join(&b'\n');
    text.push(b'\n');
    write(Path::new(&file), &text).map_err(|error| {
        tracing::warn!(file, %error, "the ACL file cannot be written");
        Error::new("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
    })?;
    cx.reply.ok();
    Ok(())
}

/// Puts `text` in the place of `path` in one step, and makes it durable.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".tmp-{}", std::process::id()));
    let temporary = directory.join(name);
    let written = fs::File::create(&temporary)
        .and_then(|mut file| {
            if let Ok(old) = fs::metadata(path) {
                file.set_permissions(old.permissions())?;
            }
            file.write_all(text)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| fs::File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Gives a server that starts the users that its configuration asks for, and keeps the default
/// user's password what `requirepass` says.
///
/// # Errors
/// What is wrong with a user, and where.
pub fn start(engine: &Arc<Engine>) -> std::result::Result<(), String> {
    let (settings, acl) = (&engine.settings, &engine.acl);
    acl.all_channels.store(all_channels(settings), Relaxed);
    require_password(engine);
    follow(engine);
    let file = settings.string(config::ACLFILE);
    if !file.is_empty() && !settings.users().is_empty() {
        return Err(
            "users are declared in the configuration file, and aclfile is set: choose one of them".into()
        );
    }
    let mut lines = Lines::default();
    for words in settings.users() {
        let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
        lines
            .add(acl, &words)
            .map_err(|why| format!("user {}: {}", String::from_utf8_lossy(words[0]), why.trim_end()))?;
    }
    if !file.is_empty() {
        let text = match fs::read(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(format!("aclfile {file}: there is no such file; create it, it may be empty"));
            }
            read => read.map_err(|error| format!("aclfile {file}: {error}"))?,
        };
        lines = Lines::read(acl, &file, &text)?;
    } else if lines.users.is_empty() {
        return Ok(());
    }
    // What requirepass says holds unless the default user is declared.
    lines.users.entry(crate::acl::DEFAULT.into()).or_insert_with(|| (*acl.default_user().rules()).clone());
    acl.replace(lines);
    Ok(())
}

/// Heeds later changes of the settings about users.
fn follow(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    engine.settings.on_change(&[config::REQUIREPASS], move |_| {
        if let Some(engine) = weak.upgrade() {
            require_password(&engine);
        }
        Ok(())
    });
    let weak = Arc::downgrade(engine);
    engine.settings.on_change(&[config::ACL_PUBSUB_DEFAULT], move |settings| {
        if let Some(engine) = weak.upgrade() {
            engine.acl.all_channels.store(all_channels(settings), Relaxed);
        }
        Ok(())
    });
}

/// `requirepass` is the default user's only password; without it, it needs none.
fn require_password(engine: &Engine) {
    let password = engine.settings.text(config::REQUIREPASS);
    let rule = if password.is_empty() { b"nopass".to_vec() } else { [b">", &password[..]].concat() };
    let changed = engine.acl.set_user(crate::acl::DEFAULT, [&b"resetpass"[..], &rule]);
    debug_assert!(changed.is_ok(), "rules of our own");
}

fn all_channels(settings: &Settings) -> bool {
    &settings.text(config::ACL_PUBSUB_DEFAULT)[..] == b"allchannels"
}
