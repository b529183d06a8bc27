//! Lists below the records of another resource: what they cost, what leaves them, and what is not believed of them.

use chrono::TimeDelta;
use desk_sandbox::{Fault, Settings};
use serde_json::Value;

use crate::support::{Engine, House, Portal, Ran, compare, house, on_every_engine};

const TABLE: &str = "article_translations";

/// A portal with few articles, and a house beside it.
async fn portal_and_house(engine: Engine) -> (Portal, House) {
    let portal =
        Portal::start(Settings { tickets: 20, token_lifetime: TimeDelta::days(1_000), ..Settings::default() }).await;
    let mut house = House::new(&portal, engine).await;
    // What is asked for is to be told apart from what the nightly comparison asks for.
    house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
    (portal, house)
}

async fn sync(house: &House) -> Ran {
    house.run(&["sync", "--json", "articles", TABLE]).await
}

/// Paths of the lists that were asked for since the log was cleared.
fn lists_asked(portal: &Portal) -> Vec<String> {
    let paths = portal.api_requests().into_iter().map(|request| request.path);
    paths.filter(|path| path.ends_with("/translations")).collect()
}

async fn assert_same(portal: &Portal, house: &House) {
    let (missing, surplus) = compare::assert_fields(portal, &house.database, TABLE).await;
    let dead =
        house.database.column(&format!("select translation_id from {{t}}{TABLE} where _deleted_at is not null")).await;
    assert!(missing.is_empty() && surplus.iter().all(|id| dead.contains(id)), "{missing:?} {surplus:?} {dead:?}");
}

on_every_engine! {
    /// One request for each article at first, none on an idle night, and then one for each that has changed.
    async fn lists_are_read_for_the_parents_that_have_changed(engine: Engine) {
        let (portal, house) = portal_and_house(engine).await;
        let articles = portal.sandbox.records("articles").len();
        let summary = sync(&house).await.exits(0).json();
        assert_eq!(house::of(&summary, TABLE)["requests"], articles);
        assert_same(&portal, &house).await;
        let until = |name| format!("deskhouse_freshness where resource = '{name}'");
        let (parents, parts) = (until("articles"), until(TABLE));
        let complete = house.database.instant("complete_until", &parents).await;
        assert_eq!(house.database.instant("complete_until", &parts).await, complete);

        portal.sandbox.advance(TimeDelta::days(1));
        portal.sandbox.clear_requests();
        assert_eq!(house::of(&sync(&house).await.exits(0).json(), TABLE)["requests"], 0);

        let mut changed = portal.sandbox.edit("articles", 5);
        changed.extend(portal.sandbox.create("articles", 2));
        portal.sandbox.advance(TimeDelta::days(1));
        portal.sandbox.clear_requests();
        sync(&house).await.exits(0);
        let mut asked = lists_asked(&portal);
        asked.sort();
        // A list that lacks a translation which is held is asked for its end.
        asked.dedup();
        let mut expected: Vec<_> = changed.iter().map(|id| format!("/api/v1/articles/{id}/translations")).collect();
        expected.sort();
        assert_eq!(asked, expected);
        assert_same(&portal, &house).await;
    }

    /// Parts go with their parent and come back with it, except those that had gone before.
    async fn parts_go_and_come_back_with_their_parent(engine: Engine) {
        let (portal, house) = portal_and_house(engine).await;
        sync(&house).await.exits(0);
        let gone = portal.sandbox.trash("articles", 2);
        portal.sandbox.advance(TimeDelta::days(1));
        sync(&house).await.exits(0);
        let sql = format!(
            "select count(*) from {{t}}{TABLE} as part join {{t}}articles as whole on whole.id = part.article_id
            where part._deleted_at = whole._deleted_at and part._deleted_reason = 'trashed'
            and part._deleted_by = whole._deleted_by"
        );
        let dead = format!("select count(*) from {{t}}{TABLE} where _deleted_at is not null");
        let parts = house.database.number(&dead).await;
        assert!(parts >= gone.len() as i64);
        assert_eq!(house.database.number(&sql).await, parts);
        assert_same(&portal, &house).await;

        portal.sandbox.restore("articles", 2);
        portal.sandbox.advance(TimeDelta::days(1));
        sync(&house).await.exits(0);
        // With its old time a record that is restored is found by the comparison.
        house.run(&["verify", "articles"]).await.exits(0);
        assert_eq!(house.database.number(&dead).await, 0);
        assert_same(&portal, &house).await;
    }

    /// One list that is refused is named and asked for again; the others land. Where all are refused, the fourth is not
    /// paid for.
    async fn a_list_that_is_refused_marks_nothing(engine: Engine) {
        let (portal, house) = portal_and_house(engine).await;
        sync(&house).await.exits(0);
        let rows = house.database.number(&format!("select count(*) from {{t}}{TABLE}")).await;
        let edited = portal.sandbox.edit("articles", 6);
        portal.sandbox.advance(TimeDelta::days(1));
        let forbidden = || Fault::Status {
            status: 403,
            body: r#"{"errorCode":"FORBIDDEN","message":"m"}"#.into(),
            content_type: "application/json",
        };
        let path = |id: &String| format!("/api/v1/articles/{id}/translations");
        portal.sandbox.fault(&path(&edited[0]), [forbidden()]);
        let ran = sync(&house).await.exits(4);
        assert_eq!(house::of(&ran.json(), TABLE)["state"], "partial");
        assert!(ran.stderr.contains("the lists of 1 articles could not be read"), "{}", ran.stderr);
        portal.sandbox.clear_requests();
        sync(&house).await.exits(0);
        assert_eq!(lists_asked(&portal).iter().collect::<std::collections::BTreeSet<_>>(), [&path(&edited[0])].into());
        assert_same(&portal, &house).await;

        portal.sandbox.edit("articles", 20);
        portal.sandbox.advance(TimeDelta::days(1));
        portal.sandbox.fault("/api/v1/articles/6", vec![Fault::Scope; 40]);
        portal.sandbox.clear_requests();
        let ran = sync(&house).await.exits(4);
        assert_eq!(house::of(&ran.json(), TABLE)["state"], "failed");
        // As many as were under way.
        assert!(lists_asked(&portal).len() <= 16, "{:?}", lists_asked(&portal));
        assert!(house.database.number(&format!("select count(*) from {{t}}{TABLE}")).await >= rows);
    }

    /// Lists that are suddenly empty mark nothing until somebody says that they are right.
    async fn too_many_that_are_missing_are_not_believed(engine: Engine) {
        let (portal, house) = portal_and_house(engine).await;
        sync(&house).await.exits(0);
        let dead = format!("select count(*) from {{t}}{TABLE} where _deleted_at is not null");
        portal.sandbox.edit("articles", 30);
        portal.sandbox.advance(TimeDelta::days(1));
        let empty = Fault::Status { status: 200, body: r#"{"data":[]}"#.into(), content_type: "application/json" };
        portal.sandbox.fault("/api/v1/articles/6", vec![empty; 200]);
        let ran = sync(&house).await.exits(4);
        assert_eq!(house::of(&ran.json(), TABLE)["state"], "partial");
        assert!(ran.stderr.contains("deskhouse verify article_translations --believe"), "{}", ran.stderr);
        assert_eq!(house.database.number(&dead).await, 0);
    }

    /// A run that is cut off goes on with the parents that are left.
    async fn a_run_goes_on_with_what_is_left(engine: Engine) {
        let (portal, mut house) = portal_and_house(engine).await;
        house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "120");
        sync(&house).await.exits(5);
        let asked = lists_asked(&portal);
        house.set("DESKHOUSE_LIMITS__DAILY_CREDITS", "100000");
        portal.sandbox.clear_requests();
        sync(&house).await.exits(0);
        let again: Vec<_> = lists_asked(&portal).into_iter().filter(|path| asked.contains(path)).collect();
        assert!(!asked.is_empty() && again.is_empty(), "{again:?} of {asked:?}");
        assert_same(&portal, &house).await;
    }

    /// The nightly slice reads lists again in turn, so that a change which no time tells is found.
    async fn a_change_that_no_time_tells_is_found_in_turn(engine: Engine) {
        let (portal, mut house) = portal_and_house(engine).await;
        sync(&house).await.exits(0);
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "60");
        house.database.execute(&format!("update {{t}}{TABLE} set title = 'old', _hash = 0")).await;
        house.run(&["verify", TABLE, "--dry-run"]).await.exits(0);
        portal.sandbox.clear_requests();
        for _ in 0..8 {
            portal.sandbox.advance(TimeDelta::days(1));
            sync(&house).await.exits(0);
        }
        assert_same(&portal, &house).await;
    }
}

/// A contract that changes is read alone; the others are not.
#[tokio::test(flavor = "multi_thread")]
async fn a_contract_costs_a_request_when_it_has_changed() {
    let (portal, house) = portal_and_house(Engine::Sqlite).await;
    let sync = || house.run(&["sync", "--json", "contracts"]);
    let singles =
        |portal: &Portal| portal.api_requests().iter().filter(|request| request.path.contains("/contracts/")).count();
    sync().await.exits(0);
    assert_eq!(singles(&portal), portal.sandbox.list("contracts").len());
    let change = |place: usize, fields: &[(&str, &str)]| {
        let mut row = portal.sandbox.list("contracts").remove(place);
        for (name, value) in fields {
            row[*name] = Value::from(*value);
        }
        portal.sandbox.put_in_list("contracts", "", row);
    };
    portal.sandbox.advance(TimeDelta::days(1));
    let now = portal.sandbox.now().format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    // What only a contract read alone tells, and what its dates make of its status without counting as a change.
    change(3, &[("description", "Day and night."), ("modifiedTime", &now)]);
    change(30, &[("contractStatus", "EXPIRED")]);
    portal.sandbox.clear_requests();
    sync().await.exits(0);
    assert_eq!(singles(&portal), 3, "both, and the newest of the others");
    let (missing, surplus) = compare::assert_fields(&portal, &house.database, "contracts").await;
    assert!(missing.is_empty() && surplus.is_empty(), "{missing:?} {surplus:?}");
}

/// A feedback that is resolved changes no time; the whole list tells.
#[tokio::test(flavor = "multi_thread")]
async fn feedback_is_read_from_the_beginning_and_compared_whole() {
    let (portal, house) = portal_and_house(Engine::Sqlite).await;
    let same = async || {
        let (missing, surplus) = compare::assert_fields(&portal, &house.database, "article_feedback").await;
        assert!(missing.is_empty() && surplus.is_empty(), "{missing:?} {surplus:?}");
    };
    house.run(&["sync", "article_feedback"]).await.exits(0);
    same().await;
    let mut row = portal.sandbox.list("articleFeedbacks").remove(1);
    row["status"] = Value::from(if row["status"] == "RESOLVED" { "UNRESOLVED" } else { "RESOLVED" });
    portal.sandbox.put_in_list("articleFeedbacks", "", row);
    house.run(&["verify", "article_feedback"]).await.exits(0);
    same().await;
    let requests = portal.api_requests();
    let mut lists = requests.iter().filter(|request| request.path.ends_with("/articleFeedbacks"));
    assert!(lists.all(|request| request.query.contains("timeRange=")), "the list of a week is never taken for all");
}
