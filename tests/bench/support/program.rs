//! The program as it is measured, and others beside it: run to the end, with what that took of the machine.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use desk_sandbox::Settings;
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::portal::PROGRAM;

/// What a run came to.
pub(crate) struct Ran {
    /// What it said of itself.
    pub(crate) summary: Value,
    /// Wall time, in seconds.
    pub(crate) seconds: f64,
    /// Largest memory, in MiB.
    pub(crate) peak: f64,
    /// Time of the processor, in seconds.
    pub(crate) processor: f64,
}

impl Ran {
    /// The sum of a number over all resources.
    pub(crate) fn sum(&self, what: &str) -> f64 {
        let parts = self.summary["resources"].as_array().expect("resources");
        parts.iter().filter_map(|part| part[what].as_f64()).sum()
    }
}

/// Runs `deskhouse sync` in `folder`, with nothing but this environment.
pub(crate) fn sync(folder: &Path, resources: &[&str], environment: &[(String, String)]) -> Ran {
    run(syncing(folder, resources, environment))
}

/// Starts `deskhouse sync` in `folder`, with nothing but this environment.
pub(crate) fn start(folder: &Path, resources: &[&str], environment: &[(String, String)]) -> Child {
    syncing(folder, resources, environment).stdout(Stdio::piped()).spawn().expect("the program starts")
}

fn syncing(folder: &Path, resources: &[&str], environment: &[(String, String)]) -> Command {
    let mut command = command(PROGRAM, folder, environment);
    command.args(["-q", "sync", "--json"]).args(resources).env("DESKHOUSE_STATE__DIR", folder);
    command
}

/// A command in `folder`, with nothing but this environment.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value))).current_dir(folder);
    command
}

/// Runs a command that prints its summary, one JSON document, to its end.
pub(crate) fn run(mut command: Command) -> Ran {
    let start = Instant::now();
    let mut process = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let id = process.id();
    let (mut peak, mut processor) = (0.0_f64, 0.0_f64);
    // The system counts both for as long as the process lives; the last look is at most a few milliseconds old.
    while process.try_wait().expect("the program's state").is_none() {
        peak = peak_mib(id).unwrap_or(peak);
        processor = processor_seconds(id).unwrap_or(processor);
        std::thread::sleep(Duration::from_millis(10));
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = process.wait_with_output().expect("the program has ended");
    assert!(output.status.success(), "it failed: {command:?}");
    let summary = serde_json::from_slice(&output.stdout).expect("a summary");
    Ran { summary, seconds, peak, processor }
}

/// What signs the program in to a look-alike of these settings at `url`, and where it lands.
pub(crate) fn environment(url: &str, settings: &Settings, warehouse: &str) -> Vec<(String, String)> {
    [
        ("DESKHOUSE_ZOHO__ACCOUNTS_URL", url),
        ("DESKHOUSE_ZOHO__DESK_URL", url),
        ("ZOHO_CLIENT_ID", &settings.client_id),
        ("ZOHO_CLIENT_SECRET", &settings.client_secret),
        ("ZOHO_REFRESH_TOKEN", &settings.refresh_token),
        ("DATABASE_URL", warehouse),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Processor time that a Postgres server has taken so far, in seconds: all of its processes, ended or not.
pub(crate) async fn processor_of_server(url: &str) -> f64 {
    let mut database = PgConnection::connect(url).await.expect("the server answers");
    let folder: String = sqlx::query_scalar("show data_directory").fetch_one(&mut database).await.expect("a folder");
    database.close().await.expect("an orderly end");
    let file = std::fs::read_to_string(Path::new(&folder).join("postmaster.pid")).expect("the server's own file");
    let server: u32 = file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number");
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let id = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (id == server || parent == server).then_some(id)
    });
    processes.filter_map(processor_seconds).sum()
}

fn peak_mib(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}

fn processor_seconds(id: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the name in brackets; the 12th to 15th of those are user and system time in hundredths of a second, of the
    // process and then of its children that have ended.
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
    let ticks: Vec<f64> = fields.map_while(|field| field.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / 100.0)
}
