//! The command line as it is typed: what it prints where, and how it ends.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use desk_sandbox::{Fault, Settings};
use deskhouse::resource;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::discreet::{PLANTED, assert_told, told};
use crate::support::{Database, Engine, House, Portal, compare};

async fn small() -> (Portal, House) {
    let portal = Portal::with_tickets(60).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    (portal, house)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself() {
    let (_portal, house) = small().await;
    let mut all = String::new();
    let auth = ["auth", "auth exchange", "auth login", "auth status", "auth revoke"];
    let ticket = ["ticket", "ticket create"];
    let others = ["", "demo", "init", "check", "sync", "status", "resources", "api", "sandbox", "completions"];
    for command in others.into_iter().chain(auth).chain(ticket) {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let ran = house.run(&arguments).await.exits(0);
        assert_eq!(ran.stderr, "");
        all.push_str(&format!("== {}\n{}\n", arguments.join(" "), ran.stdout));
    }
    assert_told!("help", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_extracted_is_listed_with_every_column() {
    let (_portal, house) = small().await;
    let text = house.run(&["resources"]).await.exits(0).stdout;
    let json = house.run(&["resources", "--json"]).await.exits(0).json();
    let listed = json.as_array().expect("a list");
    assert_eq!(listed.len(), resource::ALL.len());
    for (definition, listed) in resource::ALL.iter().zip(listed) {
        assert_eq!(listed["resource"], definition.name);
        assert_eq!(listed["columns"].as_array().map(Vec::len), Some(definition.columns.len()));
        for column in listed["columns"].as_array().expect("columns") {
            assert!(column["meaning"].as_str().is_some_and(|meaning| !meaning.is_empty()), "{column}");
        }
        let row = text.lines().find(|line| line.starts_with(definition.name)).expect("a row for each resource");
        assert!(definition.scopes.iter().all(|scope| row.contains(scope)), "{row}");
    }
    assert_told!("resources", text);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_is_there_before_and_after_a_sync() {
    for engine in Engine::ALL {
        let portal = Portal::with_tickets(60).await;
        let house = House::new(&portal, engine).await;
        let before = house.run(&["status"]).await.exits(0);
        assert_eq!(before.stdout, "the warehouse is empty; `deskhouse sync` fills it\n", "{engine:?}");
        assert!(house.run(&["status", "--json"]).await.exits(0).json()["org_id"].is_null());

        let summary = house.sync().await;
        let json = house.run(&["status", "--json"]).await.exits(0).json();
        assert_eq!(json["org_id"], "600000001");
        assert_eq!(json["runs"][0]["state"], "complete");
        assert_eq!(json["runs"][0]["credits"], summary["credits"]);
        assert_eq!(json["runs"][0]["requests"], summary["requests"]);
        let resources = json["resources"].as_array().expect("resources");
        assert_eq!(resources.len(), resource::ALL.len());
        for name in compare::ALL {
            let part = resources.iter().find(|part| part["resource"] == name).expect("the resource");
            assert_eq!(part["rows"].as_u64(), Some(portal.sandbox.records(name).len() as u64), "{name}");
            assert_eq!(part["open_windows"], 0);
        }
        let text = house.run(&["status"]).await.exits(0).stdout;
        for word in ["portal 600000001", "tickets", "complete until (UTC)"] {
            assert!(text.contains(word), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_writes_a_private_file_once() {
    let (_portal, house) = small().await;
    let first = house.run(&["init"]).await.exits(0);
    let file = house.file("deskhouse.toml");
    assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(house.run(&["init", "--stdout"]).await.exits(0).stdout.trim_end(), text.trim_end());

    std::fs::write(&file, "# mine").expect("the file is writable");
    let second = house.run(&["init"]).await.exits(2);
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "# mine");
    let nowhere = house.run(&["init", "nowhere/deskhouse.toml"]).await.exits(1);
    assert_told!("init", [first, second, nowhere].iter().map(|ran| told(&house, ran)).collect::<String>());

    // What it writes is a configuration that works.
    std::fs::write(&file, text).expect("the file is writable");
    house.sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_name_every_command() {
    let (_portal, house) = small().await;
    for shell in ["bash", "zsh", "fish"] {
        let script = house.run(&["completions", shell]).await.exits(0).stdout;
        let words =
            ["demo", "init", "auth", "exchange", "check", "sync", "status", "resources", "api", "ticket", "sandbox"];
        for word in words.into_iter().chain(["start-date"]) {
            assert!(script.contains(word), "{shell} completes no {word}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_is_said_before_anything_is_done() {
    let (portal, house) = small().await;
    let mut all = String::new();
    for arguments in [
        &["sync", "tickts"][..],
        &["sync", "--fast"],
        &["snyc"],
        &["sync", "--start-date", "last year"],
        &["sync", "--warehouse", "mysql://localhost/desk"],
        &["sync", "--config", "nowhere.toml"],
        &["-q", "-v", "sync"],
        &["completions", "tcsh"],
        &["sandbox", "--latency", "fast"],
    ] {
        let ran = house.run(arguments).await.exits(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        all.push_str(&format!("== {}\n{}", arguments.join(" "), told(&house, &ran)));
    }
    assert!(portal.sandbox.requests().is_empty());
    assert!(!house.file("warehouse.db").exists(), "no warehouse was made");
    assert_told!("not_understood", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_missing_or_wrong_in_the_configuration_is_said_at_once() {
    let (_portal, mut house) = small().await;
    let mut all = String::new();
    for name in ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"] {
        house.unset(name);
    }
    let missing = house.run(&["sync"]).await.exits(2);
    all.push_str(&format!("== missing\n{}", told(&house, &missing)));
    for name in ["DATABASE_URL", "DESKHOUSE_LIMITS__REQUESTS_PER_SECOND", "DESKHOUSE_LIMITS__TRIES"] {
        house.unset(name);
    }
    let text = "[zoho]\ndata_center = \"mars\"\norg_id = \"my portal\"\nclient_secrt = \"quillfeather\"\n\n\
        [warehouse]\nurl = \"oracle://scott:quillfeather@host/x\"\nraw = 3\n\n[limits]\nconcurrency = 900\n\
        credit_reserve = \"most\"\n\n[snyc]\noverlap = \"15m\"\n";
    std::fs::write(house.file("deskhouse.toml"), text).expect("a file");
    house.unset("ZOHO_ORG_ID");
    house.set("DESKHOUSE_LIMITS__TRIES", "often");
    house.set("DESKHOUSE_SYNC__OVERLP", "1h");
    let wrong = house.run(&["sync"]).await.exits(2);
    all.push_str(&format!("== wrong\n{}", told(&house, &wrong)));
    std::fs::write(house.file("deskhouse.toml"), "[zoho\nclient_secret = \"quillfeather\"\n").expect("a file");
    let torn = house.run(&["sync"]).await.exits(2);
    all.push_str(&format!("== no TOML\n{}", told(&house, &torn)));
    std::fs::remove_file(house.file("deskhouse.toml")).expect("the file");
    house.unset("DESKHOUSE_LIMITS__TRIES");
    house.unset("DESKHOUSE_SYNC__OVERLP");
    std::fs::write(house.file(".env"), "ZOHO_CLIENT_SECRET='quillfeather\n").expect("a file");
    let dot_env = house.run(&["sync"]).await.exits(2);
    all.push_str(&format!("== torn .env\n{}", told(&house, &dot_env)));
    assert_told!("configuration", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_json_with_fixed_names() {
    let (portal, house) = small().await;
    portal.sandbox.fault("/api/v1/tickets", [Fault::Html(503)]);
    portal.sandbox.fault("/api/v1/tasks", [Fault::Scope]);
    let ran = house.run(&["-v", "--log", "json", "sync", "--json"]).await.exits(4);
    ran.json();
    let lines = json_lines(&ran.stderr);
    let names: std::collections::BTreeSet<_> =
        lines.iter().flat_map(|line| line.as_object().expect("an object").keys().cloned()).collect();
    assert_told!("log_fields", names.into_iter().collect::<Vec<_>>().join("\n"));
    for resource in compare::ALL {
        assert!(lines.iter().any(|line| line["resource"] == resource && line["rows"].is_u64()), "{resource}");
    }
    // An error that ends the run is a line like the others.
    portal.sandbox.revoke();
    portal.sandbox.expire_tokens();
    let ran = house.run(&["--log", "json", "sync"]).await.exits(3);
    let lines = json_lines(&ran.stderr);
    let last = lines.last().expect("a line");
    assert_eq!(last["level"], "ERROR", "{last}");
    assert!(last["hint"].is_string(), "{last}");
}

#[track_caller]
fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_says_nothing_but_results() {
    let (_portal, house) = small().await;
    let ran = house.run(&["-q", "sync"]).await.exits(0);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.starts_with("resource"), "{}", ran.stdout);
    let ran = house.run(&["-q", "sync", "--json"]).await.exits(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.json()["state"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_json_stdout_is_one_document_however_the_run_ends() {
    let (portal, house) = small().await;
    assert_eq!(house.run(&["sync", "--json"]).await.exits(0).json()["state"], "complete");
    portal.sandbox.fault("/api/v1/tasks", [Fault::Scope]);
    assert_eq!(house.run(&["sync", "--json"]).await.exits(4).json()["state"], "partial");
    portal.sandbox.fault("/api/v1/tickets", [Fault::Threshold]);
    assert_eq!(house.run(&["sync", "--json"]).await.exits(5).json()["state"], "out of credits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_failure() {
    let (_portal, house) = small().await;
    house.sync().await;
    // The reader has ended before the command begins, so writing into the pipe fails for certain.
    for command in ["resources --json", "status", "completions zsh", "init --stdout", "sync", "--help"] {
        let script = format!("set -o pipefail; exec 3> >(exit); wait $!; exec \"$0\" {command} >&3");
        let ran = house.run_behind(&["bash", "-c", &script], &[]).await;
        assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
        assert!(!ran.stderr.contains("error") && !ran.stderr.contains("panicked"), "{command}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_leaves_a_database_to_query_and_can_be_repeated() {
    let (_portal, mut house) = small().await;
    // The demo asks nobody else's portal, whatever is configured.
    house.set("DESKHOUSE_ZOHO__DESK_URL", "http://127.0.0.1:9");
    for _ in 0..2 {
        let ran = house.run(&["demo", "--tickets", "300"]).await.exits(0);
        assert!(ran.stdout.contains("tickets by status"), "{}", ran.stdout);
        let demo = Database::at(Engine::Sqlite, format!("sqlite:{}", house.file("deskhouse-demo.db").display()));
        let rows = demo.number("select rows from deskhouse_freshness where resource = 'tickets'").await;
        // The portal gains three tickets between the two runs of the demo.
        assert_eq!(rows, 303);
    }
    // A database of somebody's own under that name is left alone.
    let portal = Portal::start(Settings { tickets: 20, org_id: "600000005".into(), ..Settings::default() }).await;
    let mut own = House::new(&portal, Engine::Sqlite).await;
    own.set("DATABASE_URL", format!("sqlite:{}", own.file("deskhouse-demo.db").display()));
    own.run(&["-q", "sync"]).await.exits(0);
    let ran = own.run(&["demo"]).await.exits(2);
    assert_told!("demo_of_anotherportal", told(&own, &ran));
    own.run(&["-q", "sync"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_prints_what_a_sync_needs_and_ends_on_a_signal() {
    let (_portal, mut house) = small().await;
    let mut server = house.start(&["sandbox", "--port", "0", "--tickets", "80"]);
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let mut exports = 0;
    while exports < 2 {
        let line = lines.next_line().await.expect("text").expect("the exports");
        let Some(pairs) = line.strip_prefix("export ") else { continue };
        exports += 1;
        for (name, value) in pairs.split(' ').filter_map(|pair| pair.split_once('=')) {
            house.set(name, value);
        }
    }
    let summary = house.sync().await;
    assert_eq!(crate::support::house::of(&summary, "tickets")["rows_inserted"], 80);
    let id = server.id().expect("it runs").to_string();
    let sent =
        std::process::Command::new("kill").args(["-TERM", &id]).stdout(Stdio::null()).status().expect("kill runs");
    assert!(sent.success());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), server.wait()).await;
    assert_eq!(ended.expect("it ends").expect("its status").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sandboxes_on_one_port_are_an_error() {
    let (_portal, house) = small().await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let ran = house.run(&["sandbox", "--port", &port]).await.exits(1);
    assert_told!("port_taken", told(&house, &ran));
}

/// Every way to end, said in every way: nothing of a secret or of a record is in it.
#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_secret_or_what_a_record_says() {
    let refused = |body: &str| Fault::Status { status: 422, body: body.into(), content_type: "application/json" };
    let message = format!(r#"{{"errorCode":"UNPROCESSABLE_ENTITY","message":"{PLANTED}@example.com is no limit"}}"#);
    let ends: [(&str, i32, Vec<Fault>); 12] = [
        // A record that fits no row is planted in each module.
        ("/api/v1/tickets", 4, vec![]),
        ("/api/v1/tickets", 4, vec![Fault::Html(503); 3]),
        ("/api/v1/tickets", 4, vec![Fault::Garbage; 3]),
        ("/api/v1/tickets", 4, vec![Fault::Cut; 3]),
        ("/api/v1/tickets", 4, vec![Fault::Drop; 3]),
        ("/api/v1/tickets", 4, vec![Fault::Scope]),
        ("/api/v1/tickets", 4, vec![Fault::ErrorUnder200(PLANTED.into())]),
        ("/api/v1/tickets", 4, vec![refused(&message); 6]),
        // What needs a person, such as that record, comes before what needs a day.
        ("/api/v1/tickets", 4, vec![Fault::Threshold]),
        ("/api/v1/tickets", 3, vec![Fault::Redirect(format!("http://{PLANTED}.example/"))]),
        ("/api/v1/tickets", 3, vec![Fault::Unauthorized; 2]),
        ("/oauth/v2/token", 3, vec![refused(&format!(r#"{{"error":"{PLANTED}@example.com"}}"#))]),
    ];
    for talk in [&["-q"][..], &["-v"], &["-v", "--log", "json"]] {
        for (path, code, faults) in &ends {
            let portal = Portal::with_tickets(60).await;
            let mut house = House::new(&portal, Engine::Sqlite).await;
            house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
            if !faults.is_empty() {
                // What goes wrong goes wrong with tickets, or before any resource; the others are read as they always are.
                house.set("DESKHOUSE_SYNC__RESOURCES", "contacts,tickets");
            }
            for (number, module) in compare::ALL.iter().enumerate() {
                portal.sandbox.put(module, planted(900 + number));
                // A record that fits no row is repeated in the warehouse and nowhere else.
                let reject =
                    format!(r#"{{"id":"{}","createdTime":"{PLANTED}","modifiedTime":"{PLANTED}"}}"#, 950 + number);
                portal.sandbox.put_raw(module, &(950 + number).to_string(), portal.sandbox.now(), reject);
            }
            portal.sandbox.fault(path, faults.clone());
            let commands = [
                &["sync"][..],
                &["sync", "--json"],
                &["status"],
                &["status", "--json"],
                &["check"],
                &["check", "--json"],
            ];
            // Those that say the same whatever the log is like are asked once.
            for command in &commands[..if talk == ["-v"] { commands.len() } else { 2 }] {
                let ran = house.run(&[talk, *command].concat()).await;
                if *command == ["sync"] {
                    ran.exits(*code);
                }
            }
            let kept = house.database.number("select count(*) from {t}deskhouse_rejects").await;
            assert!(kept > 0, "the planted records were met");
        }
    }
    let (portal, mut house) = (Portal::with_tickets(60).await, None);
    for talk in [&["-q"][..], &["-v"], &["-v", "--log", "json"]] {
        let house = house.insert(House::new(&portal, Engine::Postgres).await);
        let url = house.database.url().replace("deskhouse@", "deskhouse:planted-password@");
        house.set("DATABASE_URL", url.clone());
        house.run(&[talk, &["sync"]].concat()).await.exits(0);
        house.run(&[talk, &["status"]].concat()).await.exits(0);
        house.run(&[talk, &["check"]].concat()).await.exits(0);
        house.set("DATABASE_URL", url.replace("127.0.0.1", "localhost.invalid"));
        house.run(&[talk, &["sync"]].concat()).await.exits(1);
        house.set("DATABASE_URL", url.replace("test_", "nowhere_"));
        house.run(&[talk, &["sync"]].concat()).await.exits(1);
    }
}

/// A record whose every text is recognised.
fn planted(id: usize) -> Value {
    serde_json::json!({
        "id": id.to_string(), "subject": PLANTED, "description": PLANTED, "email": format!("{PLANTED}@example.com"),
        "phone": PLANTED, "title": PLANTED, "lastName": PLANTED, "cf": {"cf_note": PLANTED},
        "createdTime": "2026-06-14T10:00:00.000Z", "modifiedTime": "2026-06-14T11:00:00.000Z",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stdout_is_an_error_and_not_a_crash() {
    let (_portal, house) = small().await;
    for command in ["resources", "completions bash", "init --stdout"] {
        let script = format!("exec \"$0\" {command} > /dev/full");
        let ran = house.run_behind(&["sh", "-c", &script], &[]).await.exits(1);
        assert_told!("stdout_full", told(&house, &ran));
    }
}
