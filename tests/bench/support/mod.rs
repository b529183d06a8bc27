//! What the benchmarks share: their arguments, medians, tables and JSON.

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part")]

pub(crate) mod landing;
pub(crate) mod portal;
pub(crate) mod program;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The value after `--name`, or a default.
pub(crate) fn argument(name: &str, default: usize) -> usize {
    text(name).and_then(|given| given.parse().ok()).unwrap_or(default)
}

/// The text after `--name`.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// The numbers after `--name`, separated by commas, or a default.
pub(crate) fn numbers(name: &str, default: &[usize]) -> Vec<usize> {
    let given = text(name).map(|given| given.split(',').map(|number| number.parse().expect("a number")).collect());
    given.unwrap_or_else(|| default.to_vec())
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

/// Figures that were measured.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    name: String,
    unit: &'static str,
    /// One a run.
    values: Vec<f64>,
    wanted: Option<Wanted>,
}

/// What the median is to be.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

impl Figures {
    /// Adds the value of one run.
    pub(crate) fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => self.0.push(Figure { name, unit, values: vec![value], wanted: None }),
        }
    }

    /// Adds a ratio of two figures, run by run: both were measured within one run, so the machine's moods cancel out.
    pub(crate) fn ratio(&mut self, name: &str, above: &str, below: &str) {
        let values = |name: &str| Some(self.0.iter().find(|figure| figure.name == name)?.values.clone());
        let (Some(above), Some(below)) = (values(above), values(below)) else { return };
        for (above, below) in above.into_iter().zip(below) {
            self.add(name, "ratio", above / below);
        }
    }

    /// Prints beside a figure that it is to be no more than this.
    pub(crate) fn at_most(&mut self, name: &str, bound: f64) {
        self.want(name, Wanted::AtMost(bound));
    }

    /// Prints beside a figure that it is to be no less than this.
    pub(crate) fn at_least(&mut self, name: &str, bound: f64) {
        self.want(name, Wanted::AtLeast(bound));
    }

    fn want(&mut self, name: &str, wanted: Wanted) {
        if let Some(figure) = self.0.iter_mut().find(|figure| figure.name == name) {
            figure.wanted = Some(wanted);
        }
    }

    /// Prints the table and writes the JSON beside the build.
    pub(crate) fn report(&self, benchmark: &str) {
        println!("{:<56} {:>12} {:>12} {:>12}  {:<24}wanted", "", "median", "least", "most", "unit");
        for figure in &self.0 {
            println!("{}", figure.line());
        }
        let documents = self.0.iter().map(Figure::document).collect();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder).expect("a folder for the results");
        let file = folder.join(format!("{benchmark}.json"));
        std::fs::write(&file, Value::Array(documents).to_string()).expect("the results are written");
    }
}

impl Figure {
    /// Median, least and most.
    fn spread(&self) -> [f64; 3] {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        [sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1]]
    }

    fn line(&self) -> String {
        let (name, unit, [median, least, most]) = (&self.name, self.unit, self.spread());
        let digits = if unit == "ratio" { 2 } else { usize::from(median < 100.0) };
        let wanted = match self.wanted {
            None => String::new(),
            Some(Wanted::AtMost(bound)) => format!("<= {bound}{}", if median > bound { ": missed" } else { "" }),
            Some(Wanted::AtLeast(bound)) => format!(">= {bound}{}", if median < bound { ": missed" } else { "" }),
        };
        format!("{name:<56} {median:>12.digits$} {least:>12.digits$} {most:>12.digits$}  {unit:<24}{wanted}")
            .trim_end()
            .to_owned()
    }

    fn document(&self) -> Value {
        let (at_most, at_least) = match self.wanted {
            None => (None, None),
            Some(Wanted::AtMost(bound)) => (Some(bound), None),
            Some(Wanted::AtLeast(bound)) => (None, Some(bound)),
        };
        let [median, ..] = self.spread();
        json!({"name": self.name, "unit": self.unit, "median": median, "values": self.values, "at_most": at_most,
            "at_least": at_least})
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
