//! Details: the columns that only a record read alone has cost a request for each row that is new or changed, and no other.

use std::collections::BTreeMap;

use desk_sandbox::{Fault, Settings};
use serde_json::Value;

use crate::support::{Engine, House, Portal, house, on_every_engine};

/// A house that asks for the details of these resources and compares nothing.
async fn with_details(portal: &Portal, engine: Engine, names: &str) -> House {
    let mut house = House::new(portal, engine).await;
    house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
    house.set("DESKHOUSE_SYNC__DETAIL", names);
    house
}

/// A portal that refuses one of its contracts once when it is asked for alone, and the id of that.
async fn with_a_refused_contract(engine: Engine, status: u16, code: &str) -> (Portal, House, String) {
    let portal = Portal::start(Settings { tickets: 200, ..Settings::default() }).await;
    let house = House::new(&portal, engine).await;
    let contracts = portal.sandbox.list("contracts");
    let refused = contracts[contracts.len() / 2]["id"].as_str().expect("an id").to_owned();
    let body = format!(r#"{{"errorCode":"{code}","message":"x"}}"#);
    let fault = Fault::Status { status, body, content_type: "application/json" };
    portal.sandbox.fault(&format!("/api/v1/contracts/{refused}"), [fault]);
    (portal, house, refused)
}

/// How often each record of a module was read alone.
fn singles(portal: &Portal, module: &str) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    let prefix = format!("/api/v1/{module}/");
    for request in portal.api_requests() {
        let id = request.path.strip_prefix(&prefix).filter(|id| id.bytes().all(|digit| digit.is_ascii_digit()));
        if let Some(id) = id {
            *times.entry(id.to_owned()).or_default() += 1;
        }
    }
    times
}

/// Holds rows to the portal's: everything that the list shows is as it is there, and `name` is what only the record alone
/// has.
async fn assert_completed(portal: &Portal, house: &House, table: &str, name: &str) {
    let rows = house.database.query(&format!("select id, {name}, cast(_raw as text) from {{t}}{table}")).await;
    let records = portal.sandbox.records(table);
    assert_eq!(rows.len(), records.len());
    let mut rows: BTreeMap<String, (Option<String>, Value)> = rows
        .into_iter()
        .map(|row| {
            let [id, cell, raw] = <[Option<String>; 3]>::try_from(row).expect("three columns");
            (id.expect("an id"), (cell, serde_json::from_str(&raw.expect("the record")).expect("JSON")))
        })
        .collect();
    let mut told = 0;
    for record in records {
        let id = record["id"].as_str().expect("an id");
        let (cell, raw) = rows.remove(id).unwrap_or_else(|| panic!("{table} {id} is missing"));
        for (field, value) in record.as_object().expect("an object") {
            assert_eq!(&raw[field], value, "{table} {id} {field}");
        }
        assert!(record.get(name).is_none());
        assert_eq!(cell.as_deref(), raw[name].as_str(), "{table} {id}");
        told += usize::from(cell.is_some());
    }
    assert!(told > 0, "{table}.{name} is null throughout");
}

on_every_engine! {
    async fn a_row_that_is_new_or_changed_takes_one_request_and_no_other_takes_any(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 200, ..Settings::default() }).await;
        let house = with_details(&portal, engine, "articles").await;
        let summary = house.sync().await;
        let articles = portal.sandbox.records("articles").len();
        let asked = singles(&portal, "articles");
        assert_eq!((asked.len(), asked.values().max()), (articles, Some(&1)));
        assert!(singles(&portal, "tickets").is_empty());
        // Booked where they belong.
        let requests = house::of(&summary, "articles")["requests"].as_u64().expect("a number") as usize;
        assert_eq!(requests, portal.api_requests().iter().filter(|asked| asked.path.contains("/articles")).count());
        assert_completed(&portal, &house, "articles", "answer").await;

        // The overlap reads them again, and asks for nothing that is held.
        portal.sandbox.advance(chrono::Duration::minutes(2));
        let edited = portal.sandbox.edit("articles", 3);
        for expected in [3, 0] {
            portal.sandbox.clear_requests();
            let summary = house.sync().await;
            assert_eq!(house::of(&summary, "articles")["rows_updated"], expected);
            let asked = singles(&portal, "articles");
            assert_eq!(asked.len(), expected);
            assert!(asked.keys().all(|id| edited.contains(id)));
            portal.sandbox.advance(chrono::Duration::minutes(2));
        }
        assert_completed(&portal, &house, "articles", "answer").await;
    }

    async fn off_the_columns_are_null_and_nothing_is_asked(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 200, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.sync().await;
        assert!(singles(&portal, "articles").is_empty());
        assert_eq!(house.database.number("select count(*) from {t}articles where answer is not null").await, 0);
        assert!(house.database.number("select count(*) from {t}articles").await > 0);
    }

    /// Many tickets share a second, so that pages overlap while the one before still waits for landing.
    async fn a_run_that_goes_on_repeats_no_request_for_what_has_landed(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 600, ..Settings::default() }).await;
        let mut house = with_details(&portal, engine, "tickets").await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
        // Some pages land, then all tries of the next are spent.
        portal.sandbox.fault("/api/v1/tickets/search", [vec![Fault::Pass; 2], vec![Fault::Html(503); 3]].concat());
        house.run(&["-q", "sync", "tickets"]).await.exits(4);
        let landed = house.database.number("select count(*) from {t}tickets").await;
        assert!((1..600).contains(&landed), "{landed}");
        house.run(&["-q", "sync", "tickets"]).await.exits(0);
        let asked = singles(&portal, "tickets");
        assert_eq!((asked.len(), asked.values().max()), (600, Some(&1)));
        assert_completed(&portal, &house, "tickets", "sentiment").await;
    }

    /// A record alone that is refused once lands without its details, says so, and is asked again until it is had.
    async fn details_that_were_refused_once_are_owed_and_asked_for_again(engine: Engine) {
        let refusals = [
            (403, r#"{"errorCode":"FORBIDDEN","message":"x"}"#),
            (404, r#"{"errorCode":"URL_NOT_FOUND","message":"x"}"#),
            (200, ""),
            (200, "[]"),
        ];
        let queue = "select count(*) from {t}deskhouse_queue where resource = 'articles' and due_key = 'detail' and state = 'owed'";
        for ((status, body), again) in refusals.into_iter().zip(["sync", "verify", "sync", "verify"]) {
            let portal = Portal::start(Settings { tickets: 200, ..Settings::default() }).await;
            let house = with_details(&portal, engine, "articles").await;
            let refused = portal.sandbox.records("articles")[19]["id"].as_str().expect("an id").to_owned();
            let fault = Fault::Status { status, body: body.into(), content_type: "application/json;charset=UTF-8" };
            portal.sandbox.fault(&format!("/api/v1/articles/{refused}"), [fault.clone(), fault]);
            // Twice: by the run that owes, and by the next one.
            for attempts in [1, 2] {
                let ran = house.run(&["sync", "articles", "--json"]).await.exits(4);
                let articles = house::of(&ran.json(), "articles").clone();
                assert_eq!(articles["state"], "partial", "{articles}");
                let error = articles["error"].as_str().expect("why");
                assert!(error.contains("1 rows lack the columns") && error.contains(&refused), "{error}");
                assert_eq!(house.database.number(queue).await, 1);
                let tried = "select attempts from {t}deskhouse_queue";
                assert_eq!(house.database.number(tried).await, attempts);
            }
            house.run(&[again, "articles"]).await.exits(0);
            assert_eq!(house.database.number(queue).await, 0);
            assert_completed(&portal, &house, "articles", "answer").await;
        }
    }

    /// A row whose record has gone owes nothing any more.
    async fn what_has_gone_owes_nothing(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 200, ..Settings::default() }).await;
        let house = with_details(&portal, engine, "tickets").await;
        let refused = portal.sandbox.trash("tickets", 1).remove(0);
        portal.sandbox.restore("tickets", 1);
        let fault = Fault::Status { status: 403, body: "{}".into(), content_type: "application/json" };
        portal.sandbox.fault(&format!("/api/v1/tickets/{refused}"), [fault.clone(), fault]);
        house.run(&["sync", "tickets"]).await.exits(4);
        portal.sandbox.advance(chrono::Duration::hours(1));
        while portal.sandbox.departed("tickets").iter().all(|one| one.id != refused) {
            portal.sandbox.trash("tickets", 1);
        }
        house.run(&["sync", "tickets"]).await.exits(0);
    }

    /// The same for the lists whose columns only the record alone tells all of.
    async fn a_record_of_a_list_that_was_refused_is_asked_again(engine: Engine) {
        let (portal, house, refused) = with_a_refused_contract(engine, 403, "FORBIDDEN").await;
        let ran = house.run(&["sync", "contracts", "--json"]).await.exits(4);
        assert!(house::of(&ran.json(), "contracts")["error"].as_str().is_some_and(|why| why.contains(&refused)));
        portal.sandbox.clear_requests();
        house.run(&["sync", "contracts"]).await.exits(0);
        assert!(singles(&portal, "contracts").contains_key(&refused));
        assert_eq!(house.database.number("select count(*) from {t}deskhouse_queue").await, 0);
    }

    /// The list is read once more for one that seems to have left while it was read, and it is asked for again if it is
    /// there still.
    async fn a_record_of_a_list_that_was_not_there_for_a_moment_owes_nothing(engine: Engine) {
        let (portal, house, _) = with_a_refused_contract(engine, 404, "URL_NOT_FOUND").await;
        house.run(&["sync", "contracts"]).await.exits(0);
        let (asked, contracts) = (singles(&portal, "contracts"), portal.sandbox.list("contracts").len());
        assert_eq!((asked.len(), asked.values().sum::<usize>()), (contracts, contracts + 1));
        let alive = "select count(*) from {t}contracts where _deleted_at is null";
        assert_eq!(house.database.number(alive).await as usize, contracts);
        assert_eq!(house.database.number("select count(*) from {t}deskhouse_queue").await, 0);
    }
}
