//! What goes wrong on the way: answers that fail, portals that say no, warehouses that cannot be written. Records that
//! do not fit are the business of `hostile`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use desk_sandbox::{Fault, Settings};

use crate::support::discreet::{assert_told, told};
use crate::support::{Database, Engine, House, Portal, compare, house};

const TICKETS: &str = "/api/v1/tickets/search";

/// The failure on every second request of tickets, and once on every other resource: two tries are always enough.
async fn is_overcome(fault: Fault) {
    let portal = Portal::with_tickets(600).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    portal.sandbox.fault(TICKETS, [Fault::Pass, fault.clone(), Fault::Pass, fault.clone()]);
    for path in ["/api/v1/contacts", "/api/v1/tasks", "/api/v1/articles"] {
        portal.sandbox.fault(path, [fault.clone()]);
    }
    let summary = house.sync().await;
    assert_eq!(summary["state"], "complete");
    // And the recycle bin, which is empty, is asked for once more.
    assert_eq!(portal.repeated_requests(), 5 + 1, "every scripted failure was met, and tried again once");
    compare::assert_same(&portal, &house.database).await;
}

macro_rules! is_overcome {
    ($($name:ident: $fault:expr,)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            is_overcome($fault).await;
        }
    )*};
}

is_overcome! {
    a_server_error_is_overcome: status(500, r#"{"errorCode":"INTERNAL_SERVER_ERROR","message":"m"}"#),
    a_page_of_html_under_503_is_overcome: Fault::Html(503),
    a_page_of_html_under_200_is_overcome: Fault::Html(200),
    an_answer_that_breaks_off_is_overcome: Fault::Cut,
    a_connection_that_is_dropped_is_overcome: Fault::Drop,
    garbage_under_200_is_overcome: Fault::Garbage,
    a_server_error_under_200_is_overcome: Fault::ErrorUnder200("INTERNAL_SERVER_ERROR".into()),
    a_limit_on_concurrency_is_overcome: Fault::Concurrency,
    a_limit_on_concurrency_under_200_is_overcome: Fault::ErrorUnder200("TOO_MANY_REQUESTS".into()),
    a_request_timeout_is_overcome: status(408, ""),
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status { status, body: body.into(), content_type: "application/json" }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_fails_too_often_is_named_and_completed_by_the_next_run() {
    let portal = Portal::with_tickets(600).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
    // The first page lands, then all tries of the second are spent.
    portal.sandbox.fault(TICKETS, [vec![Fault::Pass], vec![Fault::Html(503); 3]].concat());
    let ran = house.run(&["-q", "sync"]).await.exits(4);
    assert_told!("tries_spent", without_table(&told(&house, &ran)));
    let open = "select count(*) from {t}deskhouse_windows where resource = 'tickets' and not done";
    assert!(house.database.number(open).await > 0);
    let landed = house.database.number("select count(*) from {t}tickets").await;
    assert!((1..600).contains(&landed), "{landed} tickets landed before the failure");
    let others = "select count(*) from {t}deskhouse_run_resources where state = 'complete'";
    assert_eq!(
        house.database.number(others).await,
        (compare::ALL.len() - 1) as i64 + 1,
        "the other resources, and the recycle bin"
    );

    let summary = house.sync().await;
    assert_eq!(house::of(&summary, "tickets")["open_windows"], 0);
    assert_eq!(house::of(&summary, "tickets")["rows_inserted"], 600 - landed, "what had landed was not landed again");
    compare::assert_same(&portal, &house.database).await;
}

/// What a person is told after the table of a summary, whose numbers are other tests' business.
fn without_table(told: &str) -> String {
    let mut kept = Vec::new();
    let mut in_table = false;
    for line in told.lines() {
        in_table = line.starts_with("resource ") || (in_table && !line.is_empty());
        if !in_table && !line.starts_with("run ") {
            kept.push(line);
        }
    }
    kept.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_whose_scope_is_missing_is_skipped_by_name() {
    let mut settings = Settings { tickets: 200, ..Settings::default() };
    settings.scopes.retain(|scope| !scope.contains("tasks"));
    let portal = Portal::start(settings).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let ran = house.run(&["-q", "sync"]).await.exits(4);
    assert_told!("scope_missing", without_table(&told(&house, &ran)));
    for resource in compare::ALL.into_iter().filter(|name| *name != "tasks") {
        let (missing, surplus) = compare::assert_fields(&portal, &house.database, resource).await;
        assert!(missing.is_empty() && surplus.is_empty(), "{resource}");
    }
    // Once the scope is granted, nothing else is needed.
    let all = Settings::default().scopes;
    portal.sandbox.configure(|settings| settings.scopes = all);
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_scope_of_organisations_a_configured_portal_is_read_all_the_same() {
    let mut settings = Settings { tickets: 200, ..Settings::default() };
    settings.scopes.retain(|scope| !scope.contains("basic") && !scope.contains("settings"));
    let portal = Portal::start(settings).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    // The recycle bin is refused too, and nothing else suffers for it.
    let ran = house.run(&["sync", "--json"]).await.exits(4);
    assert!(ran.stderr.contains("recycle_bin is not complete"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Desk.settings.READ"), "{}", ran.stderr);
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_ends_the_run_and_is_never_followed() {
    let portal = Portal::with_tickets(200).await;
    let elsewhere = Portal::with_tickets(1).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    portal.sandbox.fault(TICKETS, [Fault::Redirect(format!("{}{TICKETS}", elsewhere.server.url))]);
    let ran = house.run(&["-q", "sync"]).await.exits(3);
    assert_told!("redirect", told(&house, &ran));
    assert!(elsewhere.sandbox.requests().is_empty());
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unauthorized_page_of_html_costs_one_new_token_and_then_ends_the_run() {
    let portal = Portal::with_tickets(200).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    portal.sandbox.fault("/api/v1/organizations", [Fault::Html(401), Fault::Html(401)]);
    let ran = house.run(&["-q", "sync"]).await.exits(3);
    assert_told!("unauthorized_html", told(&house, &ran));
    assert_eq!(portal.sandbox.token_requests(), 2);
    // Once, it is only a token that went stale.
    portal.sandbox.fault("/api/v1/organizations", [Fault::Html(401)]);
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 3);
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_never_json_ends_the_resource_and_says_what_came() {
    let portal = Portal::with_tickets(200).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    // All three meet the same request: several windows side by side would share them and overcome them.
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
    portal.sandbox.fault("/api/v1/articles", vec![Fault::Garbage; 3]);
    portal.sandbox.fault("/api/v1/tasks", [Fault::ErrorUnder200("INVALID_DATA".into())]);
    portal
        .sandbox
        .fault("/api/v1/contacts", [status(400, r#"{"errorCode":"jane@example.com","message":"jane@example.com"}"#)]);
    let ran = house.run(&["-q", "sync"]).await.exits(4);
    assert!(!ran.output().contains("jane"), "{}", ran.output());
    assert_told!("refusals", without_table(&told(&house, &ran)));
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_of_another_portal_is_refused_and_left_alone() {
    for engine in Engine::ALL {
        let portal = Portal::with_tickets(50).await;
        let mut house = House::new(&portal, engine).await;
        house.sync().await;
        let other =
            Portal::start(Settings { tickets: 60, seed: 2, org_id: "600000002".into(), ..Settings::default() }).await;
        for name in ["DESKHOUSE_ZOHO__ACCOUNTS_URL", "DESKHOUSE_ZOHO__DESK_URL"] {
            house.set(name, &other.server.url);
        }
        house.set("ZOHO_ORG_ID", "600000002");
        let ran = house.run(&["-q", "sync"]).await.exits(2);
        assert_told!("other_portal", told(&house, &ran));
        compare::assert_same(&portal, &house.database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_that_cannot_be_opened_is_said_before_any_request() {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    std::fs::write(
        house.file("letter.txt"),
        "Dear reader, this is no database, and it is long enough to show it. ".repeat(20),
    )
    .expect("a file");
    std::fs::create_dir(house.file("folder")).expect("a folder");
    let mut all = String::new();
    for path in ["letter.txt", "folder", "letter.txt/below.db", "nowhere/below.db"] {
        house.set("DATABASE_URL", format!("sqlite:{}", house.file(path).display()));
        for command in ["sync", "status"] {
            let ran = house.run(&[command]).await.exits(1);
            all.push_str(&format!("== {command} into {path}\n{}", told(&house, &ran)));
        }
    }
    let text = std::fs::read_to_string(house.file("letter.txt")).expect("the file");
    assert!(text.starts_with("Dear reader"), "a file that is no database is left alone");
    assert!(portal.sandbox.requests().is_empty(), "no request was sent");
    assert_told!("unusable_files", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_said_before_any_request() {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Postgres).await;
    let (server, _) = house.database.url().rsplit_once('/').expect("a database");
    let server = server.replace("deskhouse@", "deskhouse:planted-password@");
    let mut all = String::new();
    for (title, url) in [
        ("a database that is not there", format!("{server}/nowhere")),
        ("a user that is not there", format!("{}/postgres", server.replace("deskhouse:", "nobody:"))),
    ] {
        house.set("DATABASE_URL", url);
        let ran = house.run(&["sync"]).await.exits(1);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
    }
    assert!(portal.sandbox.requests().is_empty(), "no request was sent");
    assert_told!("unusable_servers", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_token_cache_costs_one_token_request() {
    let portal = Portal::with_tickets(50).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.sync().await;
    for garbage in ["", "{\"access_token\":", "[]", "{\"requests\":\"x\"}", "\u{0}\u{0}"] {
        let before = portal.sandbox.token_requests();
        let [(path, _)] = crate::support::discreet::cached(&house).try_into().expect("one file");
        std::fs::write(path, garbage).expect("the file is writable");
        house.sync().await;
        assert_eq!(portal.sandbox.token_requests(), before + 1, "{garbage:?}");
    }
    compare::assert_same(&portal, &house.database).await;
}

/// The program by which a command loses the rights of root, and the user that it then is; nothing when it has none.
pub(crate) fn without_rights() -> Option<[&'static str; 5]> {
    let id = std::process::Command::new("id").arg("-u").output().expect("id runs");
    (id.stdout.trim_ascii() == b"0").then_some(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_that_may_not_be_written_is_said_before_any_request() {
    let portal = Portal::with_tickets(50).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.sync().await;
    portal.sandbox.clear_requests();
    let prefix = without_rights();
    let behind: &[&str] = prefix.as_ref().map_or(&[], |prefix| prefix.as_slice());
    let permit = |name: &str, mode| {
        std::fs::set_permissions(house.file(name), std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    // A file and a folder that can be read: the folder of the test, too, which is private otherwise.
    let mut all = String::new();
    for (title, folder, files) in
        [("a folder that may not be written", 0o555, 0o666), ("files that may not be written", 0o777, 0o444)]
    {
        permit("", folder);
        for name in ["warehouse.db", "warehouse.db.lock"] {
            permit(name, files);
        }
        let ran = house.run_behind(behind, &["-q", "sync"]).await.exits(1);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        let ran = house.run_behind(behind, &["-q", "status"]).await;
        all.push_str(&format!("== status of {title}\n{}", told(&house, &ran)));
    }
    permit("", 0o755);
    for name in ["warehouse.db", "warehouse.db.lock"] {
        permit(name, 0o644);
    }
    assert!(portal.sandbox.requests().is_empty(), "no request was sent");
    assert_told!("read_only", all);
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
}

/// A small disk of its own, which goes away with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Nothing where this user may not mount.
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir(&path).expect("a folder");
        let disk = Self(path);
        disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).then_some(disk)
    }

    fn grow(&self, size: &str) {
        assert!(self.run("mount", &["-o", &format!("remount,size={size}")]), "the disk grows");
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let status = std::process::Command::new(program)
            .args(arguments)
            .arg(&self.0)
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.run("umount", &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_run_and_the_next_one_goes_on_where_it_was() {
    // Pages come slower than they are committed.
    let settings = Settings { tickets: 5_000, latency: Duration::from_millis(40), ..Settings::default() };
    let portal = Portal::start(settings).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
    let Some(disk) = SmallDisk::mount(house.file("disk"), "12m") else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    house.set("DATABASE_URL", format!("sqlite:{}", house.file("disk/warehouse.db").display()));
    let database = Database::at(Engine::Sqlite, house.variable("DATABASE_URL").expect("it is set").to_owned());
    let ran = house.run(&["-q", "sync", "tickets"]).await.exits(1);
    // Whether the batch or its commit meets the end first is chance.
    assert_told!("disk_full", told(&house, &ran).replace("cannot commit a batch", "cannot land a batch"));
    disk.grow("200m");
    let landed = database.number("select count(*) from {t}tickets").await;
    assert!((1..5_000).contains(&landed), "{landed} tickets were committed");
    house.sync().await;
    compare::assert_same(&portal, &database).await;
    let kept = database.number("select count(*) from {t}tickets where _run_id = 1").await;
    assert_eq!(kept, landed, "what was committed was not landed again");
    // Not even the schema fits.
    drop(disk);
    let disk = SmallDisk::mount(house.file("tiny"), "64k").expect("a disk");
    house.set("DATABASE_URL", format!("sqlite:{}", house.file("tiny/warehouse.db").display()));
    let ran = house.run(&["-q", "sync"]).await.exits(1);
    assert_told!("disk_full_at_once", told(&house, &ran));
    drop(disk);
}
