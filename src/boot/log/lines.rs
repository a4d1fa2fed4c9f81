//! How a line of the log is written (`log-format`): for people, or for programs with the names that Valkey gives.

use crate::config::{self, Settings};
use serde_json::Value;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, format};
use tracing_subscriber::registry::LookupSpan;

/// The words of `log-format`, in their order.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Legacy,
    Logfmt,
    Json,
}

impl Form {
    const ALL: [Self; 3] = [Self::Legacy, Self::Logfmt, Self::Json];

    /// The one that the settings ask for.
    pub(super) fn of(settings: &Settings) -> Self {
        Self::ALL[settings.int(config::LOG_FORMAT) as usize]
    }
}

/// Writes lines in the form that is wanted now.
pub(super) struct Lines {
    form: Arc<AtomicU8>,
    legacy: Format<Full>,
}

impl Lines {
    pub(super) fn new(form: Form) -> Self {
        Self { form: Arc::new(AtomicU8::new(form as u8)), legacy: format().with_target(false) }
    }

    /// Where the form is changed.
    pub(super) fn form(&self) -> Arc<AtomicU8> {
        self.form.clone()
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, cx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let form = Form::ALL[usize::from(self.form.load(Relaxed))];
        if let Form::Legacy = form {
            return self.legacy.format_event(cx, out, event);
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut said = Said::default();
        event.record(&mut said);
        out.write_str(&line(form, &time, level(event.metadata().level()), &said))
    }
}

/// The words of `loglevel`, and one for what it does not tell apart.
fn level(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "notice",
        Level::DEBUG => "verbose",
        Level::TRACE => "debug",
    }
}

/// One line for programs. In both forms text is written as JSON has it.
fn line(form: Form, time: &str, level: &str, said: &Said) -> String {
    let about = [("pid", std::process::id().into()), ("role", "primary".into())];
    let told =
        [("timestamp", time.into()), ("level", level.into()), ("message", said.message.as_str().into())];
    let all =
        about.into_iter().chain(told).chain(said.fields.iter().map(|(name, value)| (*name, value.clone())));
    let members = all.map(|(name, value): (&str, Value)| match form {
        Form::Json => format!("{}:{value}", Value::from(name)),
        // One word needs no quotes there.
        _ if matches!(name, "role" | "level") => format!("{name}={}", value.as_str().unwrap_or_default()),
        _ => format!("{name}={value}"),
    });
    let members: Vec<_> = members.collect();
    match form {
        Form::Json => format!("{{{}}}\n", members.join(",")),
        _ => format!("{}\n", members.join(" ")),
    }
}

/// What an event says: its message, and the values beside it.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Said {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.push((field.name(), value.into()));
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.add(field, format!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_owned(),
            _ => self.add(field, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_programs() {
        let said = Said {
            message: "a \"quoted\"\tword\u{8}\n".into(),
            fields: vec![("keys", 3.into()), ("path", "a b".into())],
        };
        let pid = std::process::id();
        assert_eq!(
            line(Form::Json, "2026-01-02T03:04:05Z", level(&Level::WARN), &said),
            format!(
                r#"{{"pid":{pid},"role":"primary","timestamp":"2026-01-02T03:04:05Z","level":"warning","message":"a \"quoted\"\tword\b\n","keys":3,"path":"a b"}}"#
            ) + "\n"
        );
        assert_eq!(
            line(Form::Logfmt, "2026-01-02T03:04:05Z", level(&Level::INFO), &said),
            format!(
                r#"pid={pid} role=primary timestamp="2026-01-02T03:04:05Z" level=notice message="a \"quoted\"\tword\b\n" keys=3 path="a b""#
            ) + "\n"
        );
    }
}
