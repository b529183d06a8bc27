//! Lists that are read whole: what they cost, what leaves them, and what is not believed of them.

use chrono::TimeDelta;
use desk_sandbox::{Fault, Settings};
use deskhouse::resource::{self, Feed, List, Resource};
use serde_json::{Value, json};

use crate::support::{Database, Engine, House, Portal, Ran, compare, house, on_every_engine};

/// Every resource that is read so.
fn lists() -> impl Iterator<Item = (&'static Resource, List)> {
    resource::ALL.iter().filter_map(|resource| match resource.feed {
        Feed::List(list) => Some((*resource, list)),
        Feed::Search { .. } | Feed::Filtered { .. } | Feed::Children => None,
    })
}

/// A portal with few tickets, and a house beside it.
async fn portal_and_house(settings: Settings, engine: Engine) -> (Portal, House) {
    let portal = Portal::start(Settings { tickets: 20, ..settings }).await;
    let house = House::new(&portal, engine).await;
    (portal, house)
}

/// A sync of these resources.
async fn sync(house: &House, resources: &[&str]) -> Ran {
    let arguments: Vec<_> = ["sync", "--json"].iter().chain(resources).copied().collect();
    house.run(&arguments).await
}

async fn gone(database: &Database, table: &str) -> Vec<String> {
    database.column(&format!("select id from {{t}}{table} where _deleted_reason = 'gone' order by id")).await
}

fn ids(portal: &Portal, list: &str) -> Vec<String> {
    portal.sandbox.list(list).iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Adds agents until the portal has this many.
fn add_agents(portal: &Portal, count: usize) {
    let mut row = portal.sandbox.list("agents")[0].clone();
    for number in portal.sandbox.list("agents").len()..count {
        row["id"] = json!(format!("7{number:015}"));
        row["name"] = json!(format!("Agent {number}"));
        portal.sandbox.put_in_list("agents", "", row.clone());
    }
}

on_every_engine! {
    /// Each list lands field by field. The night after, it costs a request and changes nothing.
    async fn every_list_is_read_whole(engine: Engine) {
        let (portal, house) = portal_and_house(Settings::default(), engine).await;
        let names: Vec<_> = lists().map(|(resource, _)| resource.name).collect();
        sync(&house, &names).await.exits(0);
        // The portal itself is a row of its own list, which the sandbox does not keep with the others.
        for name in names.iter().filter(|name| **name != "organizations") {
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, name).await;
            assert!(missing.is_empty() && surplus.is_empty(), "{name}: {missing:?} {surplus:?}");
        }
        let organization = "select edition from {t}organizations where id = '600000001' and time_zone = 'Europe/Berlin'";
        assert_eq!(house.database.column(organization).await, ["ENTERPRISE"]);
        let (fields, modules) = ("select count(*) from {t}fields", "select count(distinct module) from {t}fields");
        assert_eq!((house.database.number(fields).await, house.database.number(modules).await), (27, 9));
        let holidays = house.database.column("select cast(holidays as text) from {t}holiday_lists order by id").await;
        assert!(holidays.len() == 2 && holidays.iter().all(|days| days.contains("New Year")), "{holidays:?}");
        let read_at = portal.sandbox.now();
        for name in &names {
            let until = format!("deskhouse_freshness where resource = '{name}'");
            assert_eq!(house.database.instant("complete_until", &until).await, Some(read_at), "{name}");
        }

        portal.sandbox.advance(TimeDelta::days(1));
        portal.sandbox.clear_requests();
        let summary = sync(&house, &names).await.exits(0).json();
        for (resource, list) in lists() {
            let part = house::of(&summary, resource.name);
            // A list that does not tell times is known to be unchanged when its newest record is.
            let newest = usize::from(list.detail.is_some_and(|detail| detail.newest_first));
            let requests = list.each.map_or(1, |(_, values)| values.len()) + newest;
            assert_eq!(part["requests"], json!(requests), "{part}");
            let changed = ["rows_inserted", "rows_updated", "rows_deleted"].map(|count| part[count].as_u64());
            assert_eq!(changed, [Some(0); 3], "{part}");
        }
    }

    /// What is missing from a list is marked, and restored when it is there again.
    async fn what_leaves_a_list_is_marked_as_gone(engine: Engine) {
        let (portal, house) = portal_and_house(Settings::default(), engine).await;
        sync(&house, &["departments"]).await.exits(0);
        let row = portal.sandbox.list("departments").remove(1);
        let id = row["id"].as_str().expect("an id");
        portal.sandbox.take_from_list("departments", id);
        portal.sandbox.advance(TimeDelta::days(1));
        let summary = sync(&house, &["departments"]).await.exits(0).json();
        assert_eq!(house::of(&summary, "departments")["rows_deleted"], 1);
        assert_eq!(gone(&house.database, "departments").await, [id]);
        let at = house.database.instant("_deleted_at", &format!("departments where id = '{id}'")).await;
        // The portal's clock goes on by ours between two answers.
        assert_eq!(at.map(|at| at.timestamp()), Some(portal.sandbox.now().timestamp()));

        portal.sandbox.advance(TimeDelta::days(1));
        assert_eq!(house::of(&sync(&house, &["departments"]).await.exits(0).json(), "departments")["rows_deleted"], 0);
        portal.sandbox.put_in_list("departments", "", row);
        portal.sandbox.advance(TimeDelta::days(1));
        sync(&house, &["departments"]).await.exits(0);
        assert!(gone(&house.database, "departments").await.is_empty());
    }

    /// A list that is suddenly short marks nothing; the numbers are named, and a person can say that they are right.
    async fn too_many_that_are_missing_are_not_believed(engine: Engine) {
        let (portal, house) = portal_and_house(Settings::default(), engine).await;
        sync(&house, &["agents", "departments"]).await.exits(0);
        let lost = &ids(&portal, "agents")[..4];
        for id in lost {
            portal.sandbox.take_from_list("agents", id);
        }
        portal.sandbox.advance(TimeDelta::days(1));
        let ran = sync(&house, &["agents", "departments"]).await.exits(4);
        let (agents, others) = (ran.json(), ran.json());
        assert_eq!(house::of(&agents, "agents")["state"], "partial");
        assert_eq!(house::of(&others, "departments")["state"], "complete");
        assert!(ran.stderr.contains("the list lacks 4 of 12 rows"), "{}", ran.stderr);
        assert!(ran.stderr.contains("deskhouse verify agents --believe"), "{}", ran.stderr);
        assert!(gone(&house.database, "agents").await.is_empty());

        house.run(&["verify", "agents", "--dry-run"]).await.exits(0);
        assert!(gone(&house.database, "agents").await.is_empty());
        house.run(&["verify", "agents"]).await.exits(4);
        assert!(gone(&house.database, "agents").await.is_empty());
        house.run(&["verify", "agents", "--believe"]).await.exits(0);
        assert_eq!(gone(&house.database, "agents").await, lost);
        sync(&house, &["agents"]).await.exits(0);
    }

    /// Refused, empty, cut short, or broken off after its first page: nothing is marked, and other resources go on.
    async fn a_list_that_is_not_whole_marks_nothing(engine: Engine) {
        let (portal, house) = portal_and_house(Settings::default(), engine).await;
        add_agents(&portal, 450);
        sync(&house, &["agents", "departments"]).await.exits(0);
        // One that is really gone, so that there is something to mark.
        portal.sandbox.take_from_list("agents", &ids(&portal, "agents")[5]);
        let failing = |fault: Fault| vec![fault; 3];
        let status = |status, body: &str| Fault::Status { status, body: body.into(), content_type: "application/json" };
        let troubles = [
            vec![Fault::Scope],
            // One that comes to nothing is asked for once more, and then the list is.
            vec![status(204, ""); 4],
            vec![status(200, r#"{"data":[]}"#); 4],
            failing(status(200, r#"{"agents":[]}"#)),
            failing(Fault::Cut),
            [vec![Fault::Pass], failing(Fault::Html(502))].concat(),
            [vec![Fault::Pass], vec![status(403, r#"{"errorCode":"FORBIDDEN","message":"m"}"#)]].concat(),
        ];
        for trouble in troubles {
            let told = format!("{trouble:?}");
            portal.sandbox.advance(TimeDelta::days(1));
            portal.sandbox.fault("/api/v1/agents", trouble);
            let ran = sync(&house, &["agents", "departments"]).await;
            assert_eq!(ran.code, 4, "{told}: {}", ran.output());
            let summary = ran.json();
            assert_ne!(house::of(&summary, "agents")["state"], "complete", "{told}");
            assert!(house::of(&summary, "agents")["error"].is_string(), "{told}");
            assert_eq!(house::of(&summary, "departments")["state"], "complete", "{told}");
            assert!(gone(&house.database, "agents").await.is_empty(), "{told}");
        }
        sync(&house, &["agents"]).await.exits(0);
        assert_eq!(gone(&house.database, "agents").await.len(), 1);
    }

    /// A portal that gives fewer rows than it was asked for is read to its end all the same, before anything is marked.
    async fn a_silent_limit_loses_nothing(engine: Engine) {
        let (portal, house) = portal_and_house(Settings { list_cap: 60, ..Settings::default() }, engine).await;
        add_agents(&portal, 205);
        for _ in 0..2 {
            portal.sandbox.advance(TimeDelta::days(1));
            sync(&house, &["agents"]).await.exits(0);
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, "agents").await;
            assert!(missing.is_empty() && surplus.is_empty(), "{missing:?} {surplus:?}");
            assert!(gone(&house.database, "agents").await.is_empty());
        }
    }

    /// Lists of which Zoho does not say whether they count from 0 or from 1.
    async fn rows_are_counted_from_anywhere(engine: Engine) {
        for list_base in [0, 1] {
            let (portal, house) = portal_and_house(Settings { list_base, ..Settings::default() }, engine).await;
            let mut row = portal.sandbox.list("holidayList").remove(0);
            for number in 0..120 {
                row["id"] = json!(format!("8{number:015}"));
                portal.sandbox.put_in_list("holidayList", "", row.clone());
            }
            sync(&house, &["holiday_lists", "kb_root_categories"]).await.exits(0);
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, "holiday_lists").await;
            assert!(missing.is_empty() && surplus.is_empty(), "{list_base}: {missing:?} {surplus:?}");
            // Nothing changed, so that no list is read by itself again.
            portal.sandbox.clear_requests();
            sync(&house, &["holiday_lists"]).await.exits(0);
            let singles = portal.api_requests().iter().filter(|request| request.path.contains("/holidayList/")).count();
            assert_eq!(singles, 0);
        }
    }

    /// A scope or a feature that is missing costs the one resource that needs it.
    async fn what_is_not_granted_is_skipped(engine: Engine) {
        let (portal, house) =
            portal_and_house(Settings { missing_features: vec!["agents".into()], ..Settings::default() }, engine).await;
        let ran = sync(&house, &["agents", "departments", "tickets"]).await.exits(4);
        let summary = ran.json();
        assert_eq!(house::of(&summary, "agents")["state"], "failed");
        assert!(ran.stderr.contains("LICENSE_ACCESS_LIMITED"), "{}", ran.stderr);
        assert!(ran.stderr.contains("leave agents out of `sync.resources`"), "{}", ran.stderr);
        for name in ["departments", "tickets"] {
            assert_eq!(house::of(&summary, name)["state"], "complete", "{summary}");
        }
        portal.sandbox.configure(|settings| settings.missing_features.clear());
        sync(&house, &["agents", "departments", "tickets"]).await.exits(0);
        assert_eq!(house.database.number("select count(*) from {t}agents").await, 12);
    }
}

/// What `deskhouse resources --json` says of a list.
#[tokio::test]
async fn a_list_is_described_as_one() {
    let (_portal, house) = portal_and_house(Settings::default(), Engine::Sqlite).await;
    let described = house.run(&["resources", "--json"]).await.exits(0).json();
    let find = |name: &str| -> Value {
        let all = described.as_array().expect("an array");
        all.iter().find(|part| part["resource"] == name).expect("a resource").clone()
    };
    let departments = find("departments");
    assert_eq!(departments["feed"], "list");
    assert_eq!(departments["rows_per_request"], 200);
    assert_eq!(departments["credits_per_request"], 3);
    assert_eq!(departments["cursor"], Value::Null);
    assert_eq!(departments["scopes"], json!(["Desk.basic.READ"]));
}
