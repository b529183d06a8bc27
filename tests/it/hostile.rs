//! Records as no documentation shows them: each becomes a row or a reject, and the page goes on.

use chrono::TimeDelta;
use desk_sandbox::{Fault, Settings};
use deskhouse::resource;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::discreet::PLANTED;
use crate::support::{Engine, House, Portal, compare, house};

async fn with_house(engine: Engine) -> (Portal, House) {
    let portal = Portal::start(Settings { tickets: 150, ..Settings::default() }).await;
    let house = House::new(&portal, engine).await;
    (portal, house)
}

/// A planted ticket, and the columns that it has to give.
struct Odd {
    json: String,
    expected: Vec<(&'static str, Option<&'static str>)>,
}

/// A ticket of these fields, changed at noon on the day before the tests begin.
fn odd(id: &str, fields: &str, expected: Vec<(&'static str, Option<&'static str>)>) -> Odd {
    let json = format!(r#"{{"id":{id},"modifiedTime":"2026-06-14T12:00:00.000Z"{fields}}}"#);
    Odd { json, expected }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_readable_records_become_rows_that_keep_every_word() {
    let deep = format!(r#","cf":{}1{}"#, "[".repeat(400), "]".repeat(400));
    let long = format!(r#","description":"{}","subject":"{}""#, "d".repeat(1 << 20), "s".repeat(1 << 20));
    let odds = [
        odd("701", "", vec![("subject", None), ("thread_count", None), ("is_spam", None), ("custom_fields", None)]),
        odd(
            "\"702\"",
            r#","ticketNumber":101,"threadCount":"12","contactId":4000000000123456789"#,
            vec![
                ("ticket_number", Some("101")),
                ("thread_count", Some("12")),
                ("contact_id", Some("4000000000123456789")),
            ],
        ),
        odd(
            "703",
            r#","createdTime":1781438400117,"dueDate":"1781438400117","isSpam":"TRUE""#,
            vec![
                ("created_time", Some("2026-06-14T12:00:00.117Z")),
                ("due_date", Some("2026-06-14T12:00:00.117Z")),
                ("is_spam", Some("1")),
            ],
        ),
        odd("704", r#","newField":{"a":[1,{"b":null}]},"another":1e999"#, vec![("subject", None)]),
        odd(
            "705",
            r#","cf":{"cf_list":["a",1],"cf_object":{"x":{"y":true}},"cf_number":1.50,"cf_null":null}"#,
            vec![("subject", None)],
        ),
        odd(
            "706",
            r#","cf":"text","subject":"a\u0000b","status":"c\ud800d","email":"\ud83d\ude00""#,
            vec![("subject", Some("a\u{fffd}b")), ("status", Some("c\u{fffd}d")), ("email", Some("\u{1f600}"))],
        ),
        odd("707", r#","subject":"first","subject":"second""#, vec![("subject", Some("second"))]),
        odd(
            "708",
            r#","subject":{"a":1},"status":17,"dueDate":"","threadCount":null,"isSpam":"""#,
            vec![
                ("subject", Some(r#"{"a":1}"#)),
                ("status", Some("17")),
                ("due_date", None),
                ("thread_count", None),
                ("is_spam", None),
            ],
        ),
        odd("709", &long, vec![("status", None)]),
        odd("710", &deep, vec![("subject", None)]),
    ];
    for engine in Engine::ALL {
        let (portal, house) = with_house(engine).await;
        let at = portal.sandbox.now() - TimeDelta::days(1);
        for (number, odd) in odds.iter().enumerate() {
            portal.sandbox.put_raw("tickets", &(701 + number).to_string(), at, odd.json.clone());
        }
        let summary = house.sync().await;
        assert_eq!(house::of(&summary, "tickets")["rows_inserted"], 150 + odds.len());
        assert_eq!(house::of(&summary, "tickets")["records_rejected"], 0);
        assert_eq!(house::of(&summary, "tickets")["rows_mended"], 1, "{engine:?}");
        let rows = house.database.rows(resource::find("tickets").expect("a resource")).await;
        for (number, odd) in odds.iter().enumerate() {
            let row = &rows[&(701 + number).to_string()];
            assert_eq!(row["_raw"].as_deref(), Some(odd.json.as_str()), "{engine:?} {number}");
            for (column, expected) in &odd.expected {
                assert_eq!(row[column].as_deref(), *expected, "{engine:?} {} of {}", column, 701 + number);
            }
        }
        let summary = house.sync().await;
        assert_eq!(house::of(&summary, "tickets")["rows_updated"], 0, "{engine:?}: odd records settle");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_fit_no_row_are_kept_with_their_reason_and_the_page_goes_on() {
    let rejects = [
        (
            "801",
            format!(r#"{{"subject":"{PLANTED}","modifiedTime":"2026-06-14T12:00:00.000Z"}}"#),
            "the record has no id",
        ),
        (
            "802",
            format!(r#"{{"id":"802","subject":"{PLANTED}","modifiedTime":"yesterday"}}"#),
            "field `/modifiedTime` should be a timestamp, but is \"yesterday\"",
        ),
        (
            "803",
            r#"{"id":"803","modifiedTime":"20226-06-14T12:00:00.000Z","threadCount":3}"#.into(),
            "field `/modifiedTime` should be a timestamp, but is \"20226-06-14T12:00:00.000Z\"",
        ),
        (
            "804",
            format!(r#"{{"id":"{}","modifiedTime":"2026-06-14T12:00:00.000Z"}}"#, "8".repeat(20_000)),
            "the record's id is longer than 1000 bytes",
        ),
        ("805", "42".into(), "the record is not an object"),
        ("806", "null".into(), "the record is not an object"),
        ("807", format!(r#"["{PLANTED}"]"#), "the record is not an object"),
        (
            "808",
            r#"{"id":null,"modifiedTime":"2026-06-14T12:00:00.000Z","subject":"\u0000\ud800"}"#.into(),
            "the record has no id",
        ),
        (
            "809",
            r#"{"id":"809","modifiedTime":"\u0000\ud800"}"#.into(),
            "field `/modifiedTime` should be a timestamp, but is \"\\u0000\\ud800\"",
        ),
    ];
    for engine in Engine::ALL {
        let (portal, house) = with_house(engine).await;
        let at = portal.sandbox.now() - TimeDelta::days(1);
        for (id, json, _) in &rejects {
            portal.sandbox.put_raw("tickets", id, at, json.clone());
        }
        // What fits no row is missing, and no run that met it says that it is complete.
        let ran = house.run(&["sync", "--json"]).await.exits(4);
        let summary = ran.json();
        let part = house::of(&summary, "tickets");
        assert_eq!(part["rows_inserted"], 150, "{engine:?}");
        assert_eq!(part["state"], "partial", "{engine:?}");
        assert!(ran.stderr.contains("records that were read fit no row: see deskhouse_rejects"), "{}", ran.stderr);
        // A page may be read again, so a reject may be met more than once; it is kept once.
        assert!(part["records_rejected"].as_u64() >= Some(rejects.len() as u64), "{part}");
        let kept = house
            .database
            .query("select cast(raw as text), reason from {t}deskhouse_rejects where resource = 'tickets'")
            .await;
        assert_eq!(kept.len(), rejects.len(), "{engine:?}: {kept:?}");
        for (id, json, reason) in &rejects {
            let reason_kept = kept
                .iter()
                .find(|row| row[0].as_deref() == Some(json))
                .unwrap_or_else(|| panic!("{id} is not kept raw: {kept:?}"));
            assert_eq!(reason_kept[1].as_deref(), Some(*reason), "{engine:?} {id}");
        }
        let text = house.run(&["sync"]).await.exits(0);
        let status = house.run(&["status", "--json"]).await.exits(0).json();
        let tickets =
            status["resources"].as_array().and_then(|all| all.iter().find(|part| part["resource"] == "tickets"));
        assert_eq!(tickets.map(|part| &part["rejected_records"]), Some(&json!(rejects.len())), "{}", text.stdout);
        let waiting = "select rejected_records from {t}deskhouse_freshness where resource = 'tickets'";
        assert_eq!(house.database.number(waiting).await, rejects.len() as i64);
        // A comparison counts them as missing, and tries them again.
        let looked = house.run(&["verify", "tickets", "--deep", "--dry-run", "--json"]).await.exits(0).json();
        assert_eq!(house::of(&looked, "tickets")["rows_missing"], rejects.len(), "{engine:?}: {looked}");
        let counted = house.run(&["verify", "tickets", "--dry-run", "--json"]).await.exits(0).json();
        assert_eq!(house::of(&counted, "tickets")["rows_missing"], rejects.len(), "{engine:?}: {counted}");
        let mended = house.run(&["verify", "tickets", "--deep", "--json"]).await.exits(4).json();
        assert_eq!(house::of(&mended, "tickets")["state"], "partial", "{engine:?}: {mended}");
        assert_eq!(house::of(&mended, "tickets")["rows_missing"], rejects.len(), "{engine:?}: {mended}");

        // One that is mended in the portal becomes a row and is no reject any more.
        portal
            .sandbox
            .put("tickets", json!({"id": "803", "modifiedTime": "2026-06-15T11:59:00.000Z", "threadCount": 3}));
        house.run(&["sync"]).await;
        assert_eq!(house.database.number("select count(*) from {t}deskhouse_rejects").await, rejects.len() as i64 - 1);
        assert_eq!(house.database.number("select thread_count from {t}tickets where id = '803'").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_time_that_stands_alone_does_not_hold_up_its_resource() {
    let (portal, house) = with_house(Engine::Sqlite).await;
    house.sync().await;
    // The only record of the next range: there is no time to go on from, and nothing to go on to.
    portal.sandbox.advance(TimeDelta::hours(1));
    let json = r#"{"id":"901","modifiedTime":"yesterday"}"#;
    portal.sandbox.put_raw("tickets", "901", portal.sandbox.now(), json.into());
    portal.sandbox.put_raw("contacts", "902", portal.sandbox.now(), "7".into());
    portal.sandbox.advance(TimeDelta::hours(1));
    let summary = house.run(&["sync", "--json"]).await.exits(4).json();
    assert_eq!(house::of(&summary, "tickets")["records_rejected"], 1);
    assert_eq!(house::of(&summary, "contacts")["records_rejected"], 1);
    assert_eq!(house::of(&summary, "tickets")["open_windows"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_which_records_do_not_fit_is_not_complete() {
    let (portal, house) = with_house(Engine::Sqlite).await;
    let at = portal.sandbox.now() - TimeDelta::days(1);
    for id in 801..831 {
        portal.sandbox.put_raw(
            "tickets",
            &id.to_string(),
            at,
            format!(r#"{{"id":"{id}","modifiedTime":"{PLANTED}"}}"#),
        );
    }
    let ran = house.run(&["sync", "--json"]).await.exits(4);
    assert_eq!(house::of(&ran.json(), "tickets")["state"], "partial");
    assert!(ran.stderr.contains("records that were read fit no row: see deskhouse_rejects"), "{}", ran.stderr);
    assert_eq!(house.database.number("select count(*) from {t}deskhouse_rejects").await, 30);
    assert_eq!(house.database.number("select count(*) from {t}tickets").await, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_without_end_costs_one_record_and_not_the_page() {
    for engine in Engine::ALL {
        let (portal, house) = with_house(engine).await;
        let at = portal.sandbox.now() - TimeDelta::days(1);
        let depth = 50_000;
        for (id, field) in [("801", "cf"), ("802", "unknown")] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            portal.sandbox.put_raw(
                "tickets",
                id,
                at,
                format!(r#"{{"id":"{id}","modifiedTime":"2026-06-14T12:00:00.000Z","{field}":{open}{close}}}"#),
            );
        }
        house.run(&["sync"]).await.exits(4);
        assert_eq!(house.database.number("select count(*) from {t}tickets").await, 150, "{engine:?}");
        let kept = house.database.query("select cast(raw as text), reason from {t}deskhouse_rejects").await;
        assert_eq!(kept.len(), 2, "{engine:?}");
        for row in kept {
            assert_eq!(row[1].as_deref(), Some("the record nests deeper than 1000 levels"));
            // As JSON it could not be kept, so its text is one JSON string.
            let text: String = serde_json::from_str(row[0].as_deref().expect("the record")).expect("a text");
            assert!(text.ends_with(&format!("{}}}", "]".repeat(depth))), "{engine:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_never_valid_json_is_told_apart_from_a_bad_connection() {
    let (portal, house) = with_house(Engine::Sqlite).await;
    portal.sandbox.put_raw("tickets", "801", portal.sandbox.now() - TimeDelta::days(1), "{\"id\":\"801\",".into());
    let ran = house.run(&["sync", "--json"]).await.exits(4);
    let summary: Value = ran.json();
    assert_eq!(house::of(&summary, "tickets")["state"], "failed");
    for other in compare::ALL.into_iter().filter(|name| *name != "tickets") {
        assert_eq!(house::of(&summary, other)["state"], "complete");
    }
}

/// A server that answers every request with this head and then `filler` without end; gives its address.
async fn flood(head: &'static str, filler: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((mut line, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = line.read(&mut [0; 4_096]).await;
                let _ = line.write_all(head.as_bytes()).await;
                let part = filler.repeat(1_000);
                // 300 MB are as good as no end.
                for _ in 0..300_000_000 / part.len() {
                    if line.write_all(part.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// Neither a header nor a body without end is read to its end.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_waited_for() {
    let header = flood("HTTP/1.1 200 OK\r\n", "x-filler: 0123456789012345678901234567890123456789\r\n").await;
    let body = flood("HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\n", "[[[[[[[[[[[[[[[[[[[[[[[[").await;
    for (address, told) in [(header, "connection broke"), (body, "larger than 64 MiB")] {
        let (_portal, mut house) = with_house(Engine::Sqlite).await;
        house.set("DESKHOUSE_ZOHO__DESK_URL", address);
        let ran = house.run(&["sync"]).await.exits(1);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

/// A page of far more records than were asked for fails its resource at once, and costs the others nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_far_more_than_was_asked_for_is_not_taken_apart() {
    for (record, records) in [("7", 10_000_000), (r#"{"id":"1","modifiedTime":"2026-06-14T12:00:00Z"}"#, 10_000)] {
        let (portal, house) = with_house(Engine::Sqlite).await;
        let body = format!(r#"{{"data":[{}],"count":10000}}"#, vec![record; records].join(","));
        let flood = || Fault::Status { status: 200, body: body.clone(), content_type: "application/json" };
        portal.sandbox.fault("/api/v1/tasks/search", [flood(), flood(), flood()]);
        // Bounded to what a run may take besides one answer, of 64 MiB at most, in kibibytes.
        let bounded = ["sh", "-c", r#"ulimit -v 700000; exec "$0" "$@""#];
        let ran = house.run_behind(&bounded, &["-q", "sync", "tickets", "tasks"]).await.exits(4);
        let numbers = format!("was answered with {records} records, where 100 were expected");
        let told = house.database.column("select error from {t}deskhouse_run_resources where resource = 'tasks'").await;
        assert!(told.iter().any(|error| error.contains(&numbers)), "{told:?} {}", ran.stderr);
        assert!(portal.requests_for("/tasks/search") <= 2, "it is not tried again");
        assert_eq!(house.database.number("select count(*) from {t}tickets").await, 150);
    }
}
