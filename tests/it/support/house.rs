//! The real binary in a folder of its own, with nothing of the machine's configuration.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::{Database, Engine, Portal, compare, discreet};

/// A command that takes longer hangs.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// A folder, a warehouse and the settings to sync a portal into it.
pub(crate) struct House {
    folder: TempDir,
    pub(crate) database: Database,
    environment: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Holds the command to an exit code; shows all that it said when it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Stdout as the one JSON document that it has to be.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// Everything that was said.
    pub(crate) fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl House {
    /// A house beside `portal`, with an empty warehouse.
    pub(crate) async fn new(portal: &Portal, engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::new(engine, folder.path()).await;
        let settings = portal.sandbox.settings();
        let environment = [
            ("DESKHOUSE_ZOHO__ACCOUNTS_URL", portal.server.url.clone()),
            ("DESKHOUSE_ZOHO__DESK_URL", portal.server.url.clone()),
            ("DESKHOUSE_ZOHO__PRODUCTS_URL", portal.server.url.clone()),
            ("ZOHO_CLIENT_ID", settings.client_id),
            ("ZOHO_CLIENT_SECRET", settings.client_secret),
            ("ZOHO_REFRESH_TOKEN", settings.refresh_token),
            ("ZOHO_ORG_ID", settings.org_id),
            ("DATABASE_URL", database.url().to_owned()),
            ("DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "100".to_owned()),
            ("DESKHOUSE_LIMITS__TRIES", "3".to_owned()),
            ("DESKHOUSE_STATE__DIR", folder.path().join("state").display().to_string()),
            // The stories are about records that change; those of `lists` name what they read.
            ("DESKHOUSE_SYNC__RESOURCES", compare::ALL.join(",")),
            ("HOME", folder.path().display().to_string()),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { folder, database, environment }
    }

    /// Sets a variable for the commands to come.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Takes a variable away.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(held, _)| held != name);
    }

    /// The folder that commands run in.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The value of a variable, if it is set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_behind(&[], arguments)
    }

    /// The binary, started by the program and the arguments in `behind` if there are any.
    fn command_behind(&self, behind: &[&str], arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_deskhouse");
        let mut command = Command::new(behind.first().copied().unwrap_or(binary));
        if let [_, rest @ ..] = behind {
            command.args(rest).arg(binary);
        }
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts a command and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary starts")
    }

    /// Starts a command that reads what it is told on stdin, behind another program if one is named.
    pub(crate) fn start_to_be_told(&self, behind: &[&str], arguments: &[&str]) -> Child {
        self.command_behind(behind, arguments).stdin(Stdio::piped()).spawn().expect("the binary starts")
    }

    /// Runs a command to its end, and gives it these lines on stdin.
    pub(crate) async fn tell(&self, arguments: &[&str], lines: &[&str]) -> Ran {
        let mut child = self.start_to_be_told(&[], arguments);
        let mut stdin = child.stdin.take().expect("a pipe");
        for line in lines {
            // A command that has failed before it asks does not listen.
            let _ = stdin.write_all(format!("{line}\n").as_bytes()).await;
        }
        drop(stdin);
        self.ended(child).await
    }

    /// Holds what a command said to silence about secrets and records.
    #[track_caller]
    pub(crate) fn assert_discreet(&self, ran: &Ran) {
        discreet::assert_discreet(self, ran);
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_behind(&[], arguments).await
    }

    /// Runs a command to its end behind another program, such as `setpriv` or `sh`.
    pub(crate) async fn run_behind(&self, behind: &[&str], arguments: &[&str]) -> Ran {
        self.ended(self.command_behind(behind, arguments).spawn().expect("the program starts")).await
    }

    /// Waits for the end of a command that was started. Whatever it says, it must keep secrets and records to itself.
    pub(crate) async fn ended(&self, child: Child) -> Ran {
        let output = tokio::time::timeout(LONGEST_RUN, child.wait_with_output()).await;
        let ran = Ran::of(output.expect("the command ends").expect("the binary runs"));
        discreet::assert_discreet(self, &ran);
        ran
    }

    /// A `sync` that has to be complete; gives its summary.
    pub(crate) async fn sync(&self) -> serde_json::Value {
        self.run(&["sync", "--json"]).await.exits(0).json()
    }
}

/// Waits for what a command is to ask; it must not end before.
pub(crate) async fn wait_for(asked: impl Future<Output = ()>, command: &mut Child) {
    tokio::select! {
        () = asked => {}
        status = command.wait() => panic!("the command ended before it had asked: {status:?}"),
    }
}

/// The part of a summary that is about one resource.
pub(crate) fn of<'a>(summary: &'a serde_json::Value, resource: &str) -> &'a serde_json::Value {
    summary["resources"]
        .as_array()
        .and_then(|resources| resources.iter().find(|part| part["resource"] == resource))
        .unwrap_or_else(|| panic!("no {resource} in {summary}"))
}
