//! What the benchmarks share: their arguments, medians, tables and JSON.

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part")]

pub(crate) mod landing;
pub(crate) mod portal;
pub(crate) mod program;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The value after `--name`, or a default.
pub(crate) fn argument(name: &str, default: usize) -> usize {
    let arguments: Vec<_> = std::env::args().collect();
    let place = arguments.iter().position(|argument| argument == name);
    place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
}

/// Whether `--name` was given.
pub(crate) fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// Times one piece of work.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let value = work.await;
    (value, start.elapsed())
}

/// One measured figure: name, unit, and a value for each run.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(String, &'static str, Vec<f64>)>);

impl Figures {
    /// Adds the value of one run.
    pub(crate) fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(held, ..)| *held == name) {
            Some((_, _, values)) => values.push(value),
            None => self.0.push((name, unit, vec![value])),
        }
    }

    /// Adds a ratio of two figures, run by run: both were measured within one run, so the machine's moods cancel out.
    pub(crate) fn ratio(&mut self, name: &str, above: &str, below: &str) {
        let values = |name: &str| self.0.iter().find(|(held, ..)| held == name).map(|(_, _, values)| values.clone());
        let (Some(above), Some(below)) = (values(above), values(below)) else { return };
        for (above, below) in above.into_iter().zip(below) {
            self.add(name, "ratio", above / below);
        }
    }

    /// Prints the table and writes the JSON beside the build.
    pub(crate) fn report(&self, benchmark: &str) {
        println!("{:<44} {:>12} {:>12} {:>12}  unit", "", "median", "least", "most");
        let mut documents = Vec::new();
        for (name, unit, values) in &self.0 {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let (median, least, most) = (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1]);
            let digits = if *unit == "ratio" { 2 } else { 0 };
            println!("{name:<44} {median:>12.digits$} {least:>12.digits$} {most:>12.digits$}  {unit}");
            documents.push(json!({"name": name, "unit": unit, "median": median, "values": values}));
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder).expect("a folder for the results");
        let file = folder.join(format!("{benchmark}.json"));
        std::fs::write(&file, Value::Array(documents).to_string()).expect("the results are written");
    }
}

/// Tickets of a made-up portal, as JSON texts, in the order in which a sync brings them: by time of change, which is no
/// order for their keys and most of their indexes.
pub(crate) fn tickets(count: usize) -> Vec<String> {
    let sandbox = desk_sandbox::Sandbox::new(desk_sandbox::Settings { tickets: count, ..Default::default() });
    let mut records = sandbox.records("tickets");
    records.sort_by_cached_key(|record| record["modifiedTime"].as_str().map(ToOwned::to_owned));
    records.iter().map(ToString::to_string).collect()
}
