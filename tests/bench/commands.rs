//! What the commands that look take beside a large table: time and memory. What does not grow from the smallest size to the
//! largest does not grow behind it either.
//!
//!     cargo bench --bench commands -- --tickets 100000,1000000 [--runs 3]

mod support;

use support::portal::{PROGRAM, Portal};
use support::{Figures, argument, numbers, program};

/// Most memory that a command may take, in MiB.
const MOST_MEMORY: f64 = 64.0;

const COMMANDS: [&[&str]; 4] =
    [&["status", "--json"], &["verify", "--dry-run", "--json"], &["estimate", "--json"], &["verify", "--json"]];

fn main() {
    let (sizes, runs) = (numbers("--tickets", &[100_000, 1_000_000]), argument("--runs", 1));
    println!("{sizes:?} tickets, {runs} runs\n");
    let mut figures = Figures::default();
    for size in &sizes {
        let portal = Portal::start(*size, &[]);
        let folder = tempfile::tempdir().expect("a folder");
        let mut environment = portal.environment.clone();
        environment.push(("DATABASE_URL".into(), format!("sqlite:{}", folder.path().join("warehouse.db").display())));
        program::sync(folder.path(), &[], &environment);
        for arguments in COMMANDS.repeat(runs) {
            let mut command = program::command(PROGRAM, folder.path(), &environment);
            command.arg("-q").args(arguments).env("DESKHOUSE_STATE__DIR", folder.path());
            let ran = program::run(command);
            let name = |what: &str| format!("{size}: {}: {what}", arguments.join(" "));
            figures.add(name("time"), "ms", ran.seconds * 1_000.0);
            figures.add(name("peak memory"), "MiB", ran.peak);
            figures.at_most(&name("peak memory"), MOST_MEMORY);
        }
        portal.end();
    }
    figures.report("commands");
}
