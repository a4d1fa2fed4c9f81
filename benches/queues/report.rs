//! The Markdown table and the JSON file.

use crate::median::median;
use std::fmt::Write;

/// What the first server is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    bar: Option<Bar>,
    /// At least so many times RabbitMQ's.
    rabbit: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bar {
    /// At most this share of Valkey's.
    Most(f64),
    /// At least so many times Valkey's.
    Least(f64),
    /// At most this.
    Own(f64),
}

impl Target {
    /// Nothing in particular.
    pub const NONE: Target = Target { bar: None, rabbit: None };

    /// At most `share` of Valkey's figure.
    pub fn most(share: f64) -> Self {
        Target { bar: Some(Bar::Most(share)), rabbit: None }
    }

    /// At least `times` Valkey's figure.
    pub fn least(times: f64) -> Self {
        Target { bar: Some(Bar::Least(times)), rabbit: None }
    }

    /// At most `figure`, whatever others have.
    pub fn own(figure: f64) -> Self {
        Target { bar: Some(Bar::Own(figure)), rabbit: None }
    }

    /// And at least `times` RabbitMQ's figure.
    pub fn beside_rabbit(self, times: f64) -> Self {
        Target { rabbit: Some(times), ..self }
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    name: String,
    unit: &'static str,
    target: Target,
}

impl Row {
    /// A figure in `unit`.
    pub fn new(name: impl Into<String>, unit: &'static str, target: Target) -> Self {
        Row { name: name.into(), unit, target }
    }
}

/// Everything measured: by row, by server, by round.
pub struct Rows {
    servers: Vec<String>,
    rows: Vec<(Row, Vec<Vec<f64>>)>,
}

impl Rows {
    /// None yet, of these servers; the first is the one that matters.
    pub fn new(servers: impl Iterator<Item = String>) -> Self {
        Rows { servers: servers.collect(), rows: Vec::new() }
    }

    /// Adds a figure of a server.
    pub fn add(&mut self, row: Row, server: usize, figure: f64) {
        let at = self.rows.iter().position(|(known, _)| *known == row).unwrap_or_else(|| {
            self.rows.push((row, vec![Vec::new(); self.servers.len()]));
            self.rows.len() - 1
        });
        self.rows[at].1[server].push(figure);
    }

    /// The medians, and what they are to be.
    pub fn table(&self) -> String {
        let mut out = format!("| | unit | {} ", self.servers.join(" | "));
        self.servers[1..].iter().for_each(|peer| out += &format!("| ÷ {peer} "));
        out += "| target | |\n|---|---|";
        out += &"---|".repeat(2 * self.servers.len() + 1);
        out += "\n";
        for (row, samples) in &self.rows {
            let own = median(samples[0].iter().copied());
            let ratios: Vec<f64> = samples[1..]
                .iter()
                .map(|peer| median(samples[0].iter().zip(peer).map(|(a, b)| a / b)))
                .collect();
            let figures = samples.iter().map(|s| number(median(s.iter().copied())));
            let cells = figures.chain(ratios.iter().map(|ratio| number(*ratio)));
            let (target, verdict) = self.judge(row, own, &ratios);
            let cells = cells.collect::<Vec<_>>().join(" | ");
            let _ = writeln!(out, "| {} | {} | {cells} | {target} | {verdict} |", row.name, row.unit);
        }
        out
    }

    /// What a row is to reach, and whether it does, as far as the servers for that were there.
    fn judge(&self, row: &Row, own: f64, ratios: &[f64]) -> (String, &'static str) {
        let beside = |name: &str| {
            let at = self.servers.iter().position(|server| server == name)?;
            Some(ratios[at - 1]).filter(|ratio| !ratio.is_nan())
        };
        let valkey = beside("Valkey");
        let (mut text, mut verdicts) = (Vec::new(), Vec::new());
        match row.target.bar {
            Some(Bar::Most(bar)) => {
                text.push(format!("≤ {bar} × Valkey"));
                verdicts.extend(valkey.map(|ratio| ratio <= bar));
            }
            Some(Bar::Least(bar)) => {
                text.push(format!("≥ {bar} × Valkey"));
                verdicts.extend(valkey.map(|ratio| ratio >= bar));
            }
            Some(Bar::Own(bar)) => {
                text.push(format!("≤ {bar}"));
                verdicts.push(own <= bar);
            }
            None => {}
        }
        if let Some(times) = row.target.rabbit {
            text.push(format!("≥ {times} × RabbitMQ"));
            verdicts.extend(beside("RabbitMQ").map(|ratio| ratio >= times));
        }
        let verdict = match &verdicts[..] {
            [] => "",
            all if all.iter().all(|is_met| *is_met) => "met",
            _ => "missed",
        };
        (text.join(", "), verdict)
    }

    /// Every sample.
    pub fn json(&self) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(row, samples)| {
                let samples: serde_json::Map<_, _> =
                    self.servers.iter().cloned().zip(samples.iter().map(|s| s.clone().into())).collect();
                serde_json::json!({ "name": row.name, "unit": row.unit, "samples": samples })
            })
            .collect();
        serde_json::json!({ "rows": rows }).to_string()
    }
}

fn number(figure: f64) -> String {
    match figure {
        f if f.is_nan() => "–".to_string(),
        f if f >= 1000.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}
