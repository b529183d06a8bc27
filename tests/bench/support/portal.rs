//! The look-alike portal of the benchmarks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The program that is measured.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_deskhouse");

/// The look-alike portal as a process of its own.
pub(crate) struct Portal {
    process: Child,
    /// What it says to set.
    pub(crate) environment: Vec<(String, String)>,
}

impl Portal {
    pub(crate) fn start(tickets: usize, options: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM)
            .args(["sandbox", "--port", "0", "--daily-credits", "1000000000"])
            .args(["--tickets", &tickets.to_string()])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the portal starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let mut environment = Vec::new();
        while environment.len() < 6 {
            let line = lines.next().expect("the portal speaks").expect("a line");
            let pairs = line.strip_prefix("export ").into_iter().flat_map(|line| line.split(' '));
            environment.extend(pairs.filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            }));
        }
        Self { process, environment }
    }

    /// Ends the process.
    pub(crate) fn end(self) {}
}

/// However a benchmark ends, its portal does too.
impl Drop for Portal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
