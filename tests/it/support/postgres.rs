//! A Postgres server of the tests' own: one throw-away cluster a test process, one database a test. A shell watches over
//! it and removes all when the tests end, however they end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// A running server with a folder of its own; both are gone when it is dropped.
pub(crate) struct Cluster {
    pub(crate) port: u16,
    programs: PathBuf,
    data: PathBuf,
    user: Option<String>,
    /// The watching shell waits for the end of its input, which comes with the end of this process at the latest.
    alive: Option<ChildStdin>,
    shell: Child,
}

/// Starts the server named by the arguments, waits until its input ends, stops whichever server runs in the folder by then
/// and removes the folder.
const WATCH: &str = r#"folder=$1; control=$2; shift 2
"$@" </dev/null &
cat >/dev/null
"$control" stop --silent --mode=immediate --pgdata="$folder/data" >/dev/null 2>&1
wait
rm -rf "$folder""#;

/// Makes an empty database on the server that all tests share, and gives its address.
pub(crate) async fn new_database() -> String {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).new_database().await
}

impl Cluster {
    /// Makes a cluster and starts its server.
    pub(crate) fn start() -> Self {
        start(&programs().expect("a Postgres server: install it (Debian: apt-get install postgresql)"))
    }

    /// Makes an empty database and gives its address.
    pub(crate) async fn new_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let server = format!("postgres://deskhouse@127.0.0.1:{}", self.port);
        let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.expect("the server answers");
        connection.execute(AssertSqlSafe(format!("create database {name}"))).await.expect("a new database");
        connection.close().await.expect("an orderly end");
        format!("{server}/{name}")
    }

    /// Cuts every connection off and starts the server again, as after a crash.
    pub(crate) fn restart(&self) {
        let control = self.programs.join("pg_ctl").display().to_string();
        let data = format!("--pgdata={}", self.data.display());
        let log = format!("--log={}", self.data.join("restarted.log").display());
        let restart =
            [control, "restart".into(), "--silent".into(), "--wait".into(), "--mode=immediate".into(), data, log];
        let status =
            as_user(&self.user, &restart).current_dir(&self.data).stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.expect("pg_ctl runs").success(), "the server does not come back");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.alive.take());
        let _ = self.shell.wait();
    }
}

/// Folder of `initdb` and `postgres`: on the path, where `pg_config` says, or where Debian keeps them.
fn programs() -> Option<PathBuf> {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|output| String::from_utf8(output.stdout).ok());
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    on_path
        .chain(configured.map(|folder| PathBuf::from(folder.trim())))
        .chain(debian.filter_map(|entry| Some(entry.ok()?.path().join("bin"))))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

fn start(programs: &Path) -> Cluster {
    let folder = tempfile::Builder::new().prefix("deskhouse-postgres-").tempdir().expect("a temporary folder").keep();
    let data = folder.join("data");
    let user = unprivileged(&folder);
    let initdb = [
        programs.join("initdb").display().to_string(),
        "--auth=trust".into(),
        "--username=deskhouse".into(),
        "--encoding=UTF8".into(),
        "--locale=C".into(),
        "--no-sync".into(),
        format!("--pgdata={}", data.display()),
    ];
    let made = as_user(&user, &initdb).stdout(Stdio::null()).current_dir(&folder).status().expect("initdb runs");
    assert!(made.success(), "initdb failed");

    let port = free_port();
    let mut command: Vec<String> = vec![
        "sh".into(),
        "-c".into(),
        WATCH.into(),
        "watch".into(),
        folder.display().to_string(),
        programs.join("pg_ctl").display().to_string(),
    ];
    command.extend([programs.join("postgres").display().to_string(), "-D".into(), data.display().to_string()]);
    for setting in [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        format!("unix_socket_directories={}", folder.display()),
        "max_connections=200".into(),
        // A test's database need not outlive the power.
        "fsync=off".into(),
        "synchronous_commit=off".into(),
    ] {
        command.extend(["-c".into(), setting]);
    }
    let mut shell = as_user(&user, &command)
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let alive = shell.stdin.take().expect("a pipe");
    let mut log = BufReader::new(shell.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("ready to accept connections") {
        line.clear();
        assert!(log.read_line(&mut line).expect("the server's log") > 0, "the server ended at once");
    }
    // Somebody has to read the rest, or the server would wait for room in the pipe.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Cluster { port, programs: programs.to_owned(), data, user, alive: Some(alive), shell }
}

/// The server refuses to run as root: then it runs as the user that owns the folder from now on.
fn unprivileged(folder: &Path) -> Option<String> {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return None;
    }
    let known = |user: &&str| {
        Command::new("id")
            .arg(user)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let user = ["postgres", "nobody"].into_iter().find(known).expect("a user without rights");
    let given = Command::new("chown").arg(user).arg(folder).status().expect("chown runs");
    assert!(given.success(), "the folder of the server cannot be given to {user}");
    Some(user.to_owned())
}

fn as_user(user: &Option<String>, command: &[String]) -> Command {
    match user {
        None => {
            let mut plain = Command::new(&command[0]);
            plain.args(&command[1..]);
            plain
        }
        Some(user) => {
            let mut switched = Command::new("setpriv");
            switched.args(["--reuid", user, "--clear-groups", "--"]).args(command);
            switched
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
