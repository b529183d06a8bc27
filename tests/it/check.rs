//! What `check` tells before a run is made: one line a fact, the exit code of the gravest, and nothing changed.

use std::os::unix::fs::PermissionsExt;
use std::time;

use chrono::TimeDelta;
use desk_sandbox::{Fault, Settings};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::faults::without_rights;
use crate::support::discreet::{assert_told, told};
use crate::support::{Engine, House, Portal, compare, on_every_engine};

async fn start(settings: Settings, engine: Engine) -> (Portal, House) {
    let portal = Portal::on_real_time(Settings { tickets: 60, ..settings }).await;
    let house = House::new(&portal, engine).await;
    (portal, house)
}

async fn usual() -> (Portal, House) {
    start(Settings::default(), Engine::Sqlite).await
}

/// The findings of a check, which has to end with this code.
async fn findings(house: &House, code: i32) -> Vec<Value> {
    let ran = house.run(&["check", "--json"]).await.exits(code);
    let document = ran.json();
    assert_eq!((&document["exit_code"], ran.stderr.as_str()), (&code.into(), ""));
    document["findings"].as_array().expect("findings").clone()
}

#[track_caller]
fn of<'a>(findings: &'a [Value], area: &str, fact: &str) -> &'a Value {
    let found = findings.iter().find(|finding| finding["area"] == area && finding["fact"] == fact);
    found.unwrap_or_else(|| panic!("nothing about {fact} of the {area} in {findings:?}"))
}

/// The lines that are not as they should be: fact, state, what was found, and what to do.
fn trouble(findings: &[Value]) -> String {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or("-").to_owned();
    let bad = findings.iter().filter(|finding| finding["state"] != "ok");
    bad.map(|finding| {
        let [area, fact, state, found, hint] =
            ["area", "fact", "state", "found", "hint"].map(|name| text(finding, name));
        format!("{area}, {fact}: {state} ({}): {found}\n    {hint}\n", finding["exit_code"])
    })
    .collect()
}

on_every_engine! {
    async fn a_portal_and_a_warehouse_in_order(engine: Engine) {
        let (portal, house) = start(Settings::default(), engine).await;
        let before = findings(&house, 0).await;
        assert!(before.iter().all(|finding| finding["state"] == "ok" || finding["fact"] == "disk space"), "{before:?}");
        for (fact, found) in [
            ("organisation", "600000001, Harbour & Lamp Ltd., edition ENTERPRISE, time zone Europe/Berlin"),
            ("agent", "an administrator: role CEO (Admin), profile Support Administrator"),
            ("departments", "5 of 5"),
            ("clock", "that of this machine and the portal's agree"),
            ("concurrency", "8 requests at a time; ENTERPRISE allows 25, all integrations together"),
        ] {
            assert_eq!(of(&before, "portal", fact)["found"], found);
        }
        assert_eq!(of(&before, "settings", "zoho.client_secret")["found"], "*** (environment variable ZOHO_CLIENT_SECRET)");
        // One request a fact, each the cheapest there is, and one for the end of the list of departments.
        let asked = portal.api_requests();
        assert_eq!(asked.len(), 3 + 1 + compare::ALL.len());
        assert!(asked.iter().map(|request| request.credits).sum::<u64>() <= 3 * asked.len() as u64);
        assert!(asked.iter().filter(|request| compare::ALL.iter().any(|name| request.path.contains(name))).all(|request| request.query.contains("limit=1")));
        // Nothing was made.
        match engine {
            Engine::Sqlite => {
                let entries = std::fs::read_dir(house.path()).expect("a folder");
                let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
                assert_eq!(names, ["state"], "only the token was kept");
            }
            Engine::Postgres => {
                let schemas = "select count(*) from pg_namespace where nspname = 'zoho_desk'";
                assert_eq!(house.database.number(schemas).await, 0);
            }
        }

        house.sync().await;
        let newest = house.database.number("select max(version) from {t}deskhouse_migrations").await;
        let after = findings(&house, 0).await;
        assert_eq!(of(&after, "warehouse", "portal")["found"], "600000001");
        assert_eq!(of(&after, "warehouse", "schema")["found"], format!("version {newest}, nothing to migrate"));
        assert_eq!(of(&after, "warehouse", "lock")["found"], "free");
        assert_eq!(of(&after, "warehouse", "rights")["found"], "tables may be made and changed");
        let server = of(&after, "warehouse", "reachable")["found"].as_str().expect("a text").to_owned();
        assert!(server.contains(", SQLite 3.") || server.contains(", Postgres "), "{server}");
        // The trial of rights has left no trace.
        let names = match engine {
            Engine::Sqlite => "select name from sqlite_master where name like '%rights%'",
            Engine::Postgres => "select relname::text from pg_class where relname like '%deskhouse_rights%'",
        };
        assert!(house.database.column(names).await.is_empty());
        house.sync().await;
        compare::assert_same(&portal, &house.database).await;
    }

    async fn what_a_run_would_not_take_in_a_warehouse(engine: Engine) {
        let (_portal, mut house) = start(Settings::default(), engine).await;
        house.sync().await;
        let mut all = String::new();
        let newest = "select cast(version as text) as number, name from {t}deskhouse_migrations order by version desc limit 2";
        let [newest, before] = &house.database.query(newest).await[..] else { panic!("two migrations") };
        let text = |cells: &Vec<Option<String>>, at: usize| cells[at].clone().expect("a text");
        let (newest, name, before) = (text(newest, 0), text(newest, 1), text(before, 0));
        house.database.execute(&format!("delete from {{t}}deskhouse_migrations where version = {newest}")).await;
        let older = findings(&house, 0).await;
        let found = format!("version {before}; the next run brings it to {newest}: {name}");
        assert_eq!(of(&older, "warehouse", "schema")["found"], found);
        house.database.execute("update {t}deskhouse_migrations set checksum = 'x' where version = 2").await;
        all.push_str(&format!("== altered\n{}", trouble(&findings(&house, 1).await)));
        house.database.execute("update {t}deskhouse_migrations set version = 99 where version = 2").await;
        all.push_str(&format!("== too new\n{}", trouble(&findings(&house, 1).await)));
        house.database.execute("update {t}deskhouse_portal set org_id = '600000009'").await;
        all.push_str(&format!("== too new, and another portal's\n{}", trouble(&findings(&house, 2).await)));
        // What cannot be opened is one line, and the others say so.
        house.set("DATABASE_URL", match engine {
            Engine::Sqlite => "sqlite:nowhere/warehouse.db".to_owned(),
            Engine::Postgres => house.database.url().replace("test_", "nowhere_"),
        });
        all.push_str(&format!("== not there\n{}", trouble(&findings(&house, 1).await)));
        // Databases of tests are numbered.
        let number = house.database.url().rsplit_once("test_").map_or(String::new(), |(_, number)| format!("nowhere_{number}"));
        let all = if number.is_empty() { all } else { all.replace(&number, "[nowhere]") };
        let all = all.replace(&format!("knows {newest}"), "knows [newest]");
        assert_told!(format!("check_warehouse_{engine:?}"), all);
    }

    async fn a_run_that_holds_the_warehouse_is_named(engine: Engine) {
        let (portal, house) = start(Settings::default(), engine).await;
        // The run waits for an answer, and would for longer than any test lasts.
        let stalled = "/api/v1/tickets/search";
        portal.sandbox.fault(stalled, [Fault::Stall(time::Duration::from_secs(3_600))]);
        let run = house.start(&["sync"]);
        let waited = tokio::time::timeout(time::Duration::from_secs(60), portal.sandbox.wait_for_request_of(stalled));
        waited.await.expect("the run asks");
        let found = findings(&house, 6).await;
        let lock = of(&found, "warehouse", "lock")["found"].as_str().expect("a text").to_owned();
        let process = format!("process {} ", run.id().expect("a running process"));
        assert!(lock.contains("another run holds the warehouse") && lock.contains(&process), "{lock}");
        assert_eq!(of(&found, "warehouse", "rights")["state"], "skipped");
        drop(run);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_for_people() {
    let (portal, mut house) = start(Settings { agent: 1, ..Settings::default() }, Engine::Sqlite).await;
    portal.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.articles.READ"));
    std::fs::write(house.file(".env"), "DESKHOUSE_SYNC__OVERLAP=20m\nZOHO_ORG_ID=600000009\n").expect("a file");
    std::fs::write(house.file("deskhouse.toml"), "[limits]\nconcurrency = 30\n").expect("a file");
    house.set("DESKHOUSE_LIMITS__CREDIT_RESERVE", "1000");
    let ran = house.run(&["check", "--warehouse", "sqlite:mine.db"]).await.exits(4);
    let text = told(&house, &ran).replace("[folder]/deskhouse.toml", "[folder]/[file]");
    let text: Vec<_> = text
        .lines()
        .map(|line| match line.contains("disk space") {
            true => "warehouse  disk space                  ok       [size] free",
            false => line,
        })
        .collect();
    assert_told!("check_table", text.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_are_missing_are_named_resource_by_resource() {
    let (portal, mut house) = usual().await;
    portal.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.search.READ"));
    let found = findings(&house, 4).await;
    assert_told!("check_scopes", trouble(&found));
    assert_eq!(of(&found, "portal", "articles")["state"], "ok");
    // Only what is configured is asked for.
    house.set("DESKHOUSE_SYNC__RESOURCES", "articles");
    portal.sandbox.clear_requests();
    findings(&house, 0).await;
    assert_eq!(portal.requests_for("/tickets/search"), 0);
    // Without the basic scope the portal cannot be listed; its number is known, so the rest is found out.
    portal.sandbox.configure(|settings| settings.scopes.retain(|scope| scope == "Desk.articles.READ"));
    let found = findings(&house, 0).await;
    assert_told!("check_no_basic_scope", trouble(&found));
    assert_eq!(of(&found, "portal", "articles")["state"], "ok");
    house.unset("ZOHO_ORG_ID");
    let found = findings(&house, 2).await;
    assert_eq!(of(&found, "portal", "organisation")["exit_code"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_does_not_see_everything_is_a_warning() {
    let (_portal, house) =
        start(Settings { agent: 3, edition: "FREE".into(), ..Settings::default() }, Engine::Sqlite).await;
    let found = findings(&house, 0).await;
    assert_told!("check_agent", trouble(&found));
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_are_a_warning() {
    for (minutes, found) in
        [(10, "this machine is 10m behind the portal"), (-10, "this machine is 10m ahead of the portal")]
    {
        let (portal, house) = usual().await;
        portal.sandbox.advance(TimeDelta::minutes(minutes));
        let findings = findings(&house, 0).await;
        let clock = of(&findings, "portal", "clock");
        assert_eq!(clock["state"], "warning");
        // A second may pass between the two clocks.
        let text = clock["found"].as_str().expect("a text");
        let (start, end) = found.split_once("10m").expect("both parts");
        assert!(
            text.starts_with(start) && text.ends_with(end) && (text.contains("10m") || text.contains("9m 59s")),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_trouble_with_the_sign_in_has_its_line_and_its_exit_code() {
    let mut all = String::new();
    let fault = |path: &'static str, fault: Fault, times: usize| {
        move |portal: &Portal, _: &mut House| portal.sandbox.fault(path, vec![fault.clone(); times])
    };
    let set = |name: &'static str, value: &'static str| move |_: &Portal, house: &mut House| house.set(name, value);
    let list = |body: &str| Fault::Status { status: 200, body: body.into(), content_type: "application/json" };
    type Prepare = Box<dyn Fn(&Portal, &mut House)>;
    let cases: [(&str, i32, Prepare); 9] = [
        ("revoked", 3, Box::new(|portal, _| portal.sandbox.revoke())),
        ("wrong secret", 3, Box::new(set("ZOHO_CLIENT_SECRET", "another-client-secret"))),
        (
            "nothing to sign in with",
            2,
            Box::new(|_, house| ["ZOHO_CLIENT_ID", "ZOHO_REFRESH_TOKEN"].iter().for_each(|name| house.unset(name))),
        ),
        ("throttled", 3, Box::new(fault("/oauth", Fault::Throttle, 1))),
        ("the desk takes no token", 3, Box::new(fault("/api/v1", Fault::Unauthorized, 2))),
        ("redirected", 3, Box::new(fault("/api/v1", Fault::Redirect("http://127.0.0.1:9/".into()), 1))),
        ("another portal", 3, Box::new(set("ZOHO_ORG_ID", "600000009"))),
        (
            "several portals",
            2,
            Box::new(move |portal, house| {
                house.unset("ZOHO_ORG_ID");
                portal
                    .sandbox
                    .fault("/api/v1/organizations", [list(r#"{"data":[{"id":"600000001"},{"id":"600000007"}]}"#)]);
            }),
        ),
        ("trouble", 1, Box::new(fault("/api/v1", Fault::Html(503), 3))),
    ];
    for (title, code, prepare) in cases {
        let (portal, mut house) = usual().await;
        prepare(&portal, &mut house);
        let found = findings(&house, code).await;
        assert!(
            portal.sandbox.token_requests() <= 2,
            "{title}: a refusal costs one token request, a stale token a second"
        );
        if portal.api_requests().is_empty() {
            assert!(portal.sandbox.token_requests() <= 1, "{title}: a refused sign-in is not tried again");
        }
        let rights = of(&found, "warehouse", "rights");
        assert_eq!(rights["state"], "ok", "{title}: the warehouse is looked at all the same");
        let failed: Vec<_> = found.iter().filter(|finding| finding["state"] != "skipped").cloned().collect();
        all.push_str(&format!("== {title}\n{}", trouble(&failed)));
        let skipped = found.iter().filter(|finding| finding["state"] == "skipped").count();
        assert!(skipped >= 2 + compare::ALL.len(), "{title}: what was not looked at is named");
    }
    assert_told!("check_sign_in", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_command_can_be_told_to_be_out_of_order() {
    let (_portal, mut house) = usual().await;
    let mut server = house.start(&[
        "sandbox",
        "--port",
        "0",
        "--tickets",
        "60",
        "--agent",
        "2",
        "--without-scope",
        "Desk.tasks.READ",
        "--without-scope",
        "Desk.activities.tasks.READ",
        "--clock-ahead",
        "1h",
    ]);
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
    let found = findings(&house, 4).await;
    for (fact, state) in
        [("agent", "warning"), ("departments", "warning"), ("clock", "warning"), ("tasks", "failed"), ("tickets", "ok")]
    {
        assert_eq!(of(&found, "portal", fact)["state"], state, "{fact}");
    }
    // Every product answers there.
    let key = Settings::default().list_key;
    let call = ["api", "POST", "/json/listsubscribe", "--product", "campaigns", "--query"];
    let (list, contact) = (format!("listkey={key}"), "contactinfo={\"Contact Email\":\"ada@mail.example\"}");
    house.run(&[&call[..], &[&list, "--query", contact]].concat()).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_are_short_end_a_check_as_they_would_end_a_run() {
    let (portal, mut house) = start(Settings { daily_credits: 120, ..Settings::default() }, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__CREDIT_RESERVE", "110");
    let short = findings(&house, 5).await;
    let mut all = format!("== at the reserve\n{}", trouble(&short));
    assert_eq!(of(&short, "portal", "tickets")["state"], "ok", "a check goes on below the reserve");
    house.run(&["sync"]).await.exits(5);
    portal.sandbox.configure(|settings| settings.daily_credits = 1);
    all.push_str(&format!("== gone\n{}", trouble(&findings(&house, 5).await)));
    assert_told!("check_credits", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_the_configuration_are_lines_too() {
    let (portal, mut house) = usual().await;
    let text = "[zoho]\nclient_secrt = \"quillfeather\"\n\n[limits]\nconcurrency = 900\n";
    std::fs::write(house.file("deskhouse.toml"), text).expect("a file");
    let mut all = trouble(&findings(&house, 2).await);
    assert!(portal.sandbox.requests().is_empty());
    std::fs::remove_file(house.file("deskhouse.toml")).expect("the file");
    // A name that does not exist is said, and the others are looked at.
    house.set("DESKHOUSE_SYNC__RESOURCES", "tickets,tickts");
    let found = findings(&house, 2).await;
    all.push_str(&format!("== unknown resource\n{}", trouble(&found)));
    assert_eq!(of(&found, "portal", "tickets")["state"], "ok");
    assert_told!("check_configuration", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_no_run_has_made_is_left_as_it_is() {
    let (_portal, house) = usual().await;
    let file = house.file("warehouse.db");
    std::fs::write(&file, "").expect("a file");
    let found = findings(&house, 0).await;
    assert_eq!(of(&found, "warehouse", "schema")["found"], "none yet; the first run makes it");
    assert_eq!(std::fs::metadata(&file).expect("the file").len(), 0);
    // Somebody else's database, in the mode that SQLite has by itself.
    house.database.execute("create table theirs (x text)").await;
    let before = std::fs::read(&file).expect("the file");
    findings(&house, 0).await;
    assert!(before == std::fs::read(&file).expect("the file"), "not a byte has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gravest_line_gives_the_exit_code() {
    let (portal, mut house) = usual().await;
    std::fs::write(house.file("warehouse.db"), "this is no database, however long it may be".repeat(100))
        .expect("a file");
    let found = findings(&house, 1).await;
    assert_eq!(of(&found, "warehouse", "reachable")["exit_code"], 1);
    portal.sandbox.revoke();
    portal.sandbox.expire_tokens();
    findings(&house, 3).await;
    house.set("DESKHOUSE_SYNC__RESOURCES", "tickts");
    findings(&house, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_only_read_is_told_so() {
    let (_portal, mut house) = start(Settings::default(), Engine::Postgres).await;
    house.sync().await;
    house
        .database
        .execute(
            "do $$ begin
            if not exists (select from pg_roles where rolname = 'reader') then create role reader login; end if;
        end $$",
        )
        .await;
    for grant in
        ["grant usage on schema zoho_desk to reader", "grant select on all tables in schema zoho_desk to reader"]
    {
        house.database.execute(grant).await;
    }
    let own = house.database.url().to_owned();
    house.set("DATABASE_URL", own.replace("deskhouse@", "reader@"));
    let mut all = format!("== may make no table\n{}", trouble(&findings(&house, 1).await));
    house.database.execute("grant create on schema zoho_desk to reader").await;
    all.push_str(&format!(
        "== may make tables, and not write into those that are there\n{}",
        trouble(&findings(&house, 1).await)
    ));
    assert_told!("check_rights", all);
}

fn permit(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written_is_said_before_the_first_run() {
    let prefix = without_rights();
    let behind: &[&str] = prefix.as_ref().map_or(&[], |prefix| prefix.as_slice());
    let (_portal, mut house) = usual().await;
    std::fs::create_dir(house.file("locked")).expect("a folder");
    std::fs::create_dir(house.file("state")).expect("a folder");
    for (name, mode) in [("", 0o755), ("locked", 0o555), ("state", 0o777)] {
        permit(&house.file(name), mode);
    }
    house.set("DATABASE_URL", "sqlite:locked/warehouse.db");
    let ran = house.run_behind(behind, &["check", "--json"]).await.exits(1);
    let found = ran.json()["findings"].as_array().expect("findings").clone();
    assert_eq!(of(&found, "warehouse", "rights")["state"], "failed");
    assert_told!("check_folder", trouble(&found));
    permit(&house.file("locked"), 0o755);
    house.sync().await;
    for (name, mode) in [("locked", 0o777), ("locked/warehouse.db", 0o444), ("locked/warehouse.db.lock", 0o666)] {
        permit(&house.file(name), mode);
    }
    for entry in std::fs::read_dir(house.file("state")).expect("a folder") {
        permit(&entry.expect("an entry").path(), 0o666);
    }
    let ran = house.run_behind(behind, &["check", "--json"]).await.exits(1);
    assert_told!("check_file", trouble(ran.json()["findings"].as_array().expect("findings")));
}
