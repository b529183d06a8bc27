//! Records that are gone: what the warehouse makes of each order of facts, and whole syncs beside a portal that deletes.

use chrono::{DateTime, TimeDelta, Utc};
use desk_sandbox::{Fault, Leaving, Settings};
use deskhouse::ledger::{Brake, Counts, Reason, RunId, RunStart, Sight, Tombstone};
use deskhouse::record::Record;
use deskhouse::resource::{self, Resource};
use deskhouse::transform::{Mapper, Row};
use deskhouse::warehouse::{Complete, Found, Landed, Missing, SqlWarehouse, Warehouse};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::warehouse::{Home, on_every_warehouse, open};
use crate::support::{Database, Engine, House, Portal, compare, house, noon, on_every_engine};

fn tickets() -> &'static Resource {
    resource::find("tickets").expect("a resource")
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

fn row(record: &Value) -> Row {
    let record = Record::new(RawValue::from_string(record.to_string()).expect("valid JSON"));
    Mapper::new(tickets(), true).row(record).expect("a row")
}

/// A ticket that last changed so many minutes after noon.
fn ticket(id: &str, subject: &str, changed: i64) -> Value {
    let time = minutes(changed).format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    json!({"id": id, "subject": subject, "modifiedTime": time})
}

fn trashed(minute: i64) -> Tombstone {
    Tombstone { deleted_by: Some("77".into()), ..Tombstone::new(Reason::Trashed, minutes(minute)) }
}

/// A run on an open warehouse that finds things at given minutes.
struct Desk<'a, D: Home> {
    warehouse: SqlWarehouse<D>,
    run: RunId,
    database: &'a Database,
}

impl<'a, D: Home> Desk<'a, D> {
    async fn begin(database: &'a Database) -> Self {
        let warehouse = open::<D>(database).await.expect("the warehouse opens");
        let start = RunStart { command: "sync", org_id: "1".into(), started_at: noon(), holder: "a test".into() };
        let run = warehouse.begin_run(&start).await.expect("a run");
        Self { warehouse, run, database }
    }

    async fn land(&self, found: Found) -> Counts {
        let landed = self.warehouse.land_found(vec![found], None).await.expect("it lands");
        let [Landed { counts, .. }] = landed[..] else { panic!("one was landed") };
        counts
    }

    /// A page of the search that is read at this minute.
    async fn sees(&self, minute: i64, records: &[Value]) -> Counts {
        let found = Found::new(tickets(), self.run, minutes(minute));
        let rows = records.iter().map(row).collect();
        self.land(Found { rows, sight: Sight::Shown, ..found }).await
    }

    /// Records that are read alone at this minute.
    async fn reads(&self, minute: i64, records: &[Value]) -> Counts {
        let rows = records.iter().map(row).collect();
        self.land(Found { rows, ..Found::new(tickets(), self.run, minutes(minute)) }).await
    }

    async fn hears(&self, minute: i64, id: &str, tombstone: Tombstone) -> Counts {
        let found = Found::new(tickets(), self.run, minutes(minute));
        self.land(Found { gone: vec![(id.into(), tombstone)], ..found }).await
    }

    /// Subject, minute of deletion, who, why.
    async fn held(&self, id: &str) -> (String, Option<i64>, Option<String>, Option<String>) {
        let sql = format!("select subject, _deleted_by, _deleted_reason from {{t}}tickets where id = '{id}'");
        let mut rows = self.database.query(&sql).await;
        let mut cells = rows.remove(0).into_iter();
        let mut text = || cells.next().flatten();
        let (subject, by, why) = (text().expect("a subject"), text(), text());
        let at = self.database.instant("_deleted_at", &format!("tickets where id = '{id}'")).await;
        (subject, at.map(|at| (at - noon()).num_minutes()), by, why)
    }

    async fn is_alive(&self, id: &str) -> bool {
        self.held(id).await.1.is_none()
    }
}

on_every_warehouse! {
    /// A tombstone says when, who and why; hearing of it again changes nothing.
    async fn a_deletion_is_marked_once<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        desk.sees(0, &[ticket("1", "a", -60), ticket("2", "b", -60)]).await;
        assert_eq!(desk.hears(10, "1", trashed(5)).await.deleted, 1);
        let marked = ("a".to_owned(), Some(5), Some("77".to_owned()), Some("trashed".to_owned()));
        assert_eq!(desk.held("1").await, marked);
        assert_eq!(desk.hears(11, "1", trashed(5)).await.deleted, 0);
        assert_eq!(desk.held("1").await, marked);
        assert!(desk.is_alive("2").await);
        let live = desk.warehouse.status().await.expect("a status").resources;
        assert_eq!(live.iter().find(|held| held.resource == "tickets").expect("tickets").rows, 1);
        desk.warehouse.close().await;
    }

    /// A page that shows the record unchanged does not restore it, whatever its order and however late: an index may lag,
    /// or show what is in the bin.
    async fn a_page_that_shows_it_restores_nothing<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        let page = [ticket("1", "a", -60)];
        desk.sees(0, &page).await;
        desk.hears(10, "1", trashed(5)).await;
        for minute in [15, 21, 100_000] {
            assert_eq!(desk.sees(minute, &page).await.unchanged, 1);
        }
        // An edit from before the deletion is news, and not a sign of life.
        assert_eq!(desk.sees(16, &[ticket("1", "late", 4)]).await.updated, 1);
        assert_eq!(desk.held("1").await, ("late".into(), Some(5), Some("77".into()), Some("trashed".into())));
        desk.warehouse.close().await;
    }

    /// A record that is read alone after its deletion is restored as it was held, and one that was read before it is not.
    async fn a_record_that_is_read_alone_later_is_restored<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        let page = [ticket("1", "a", -60)];
        desk.sees(0, &page).await;
        desk.hears(10, "1", trashed(5)).await;
        assert_eq!(desk.reads(5, &page).await.unchanged, 1);
        assert_eq!(desk.reads(6, &page).await.updated, 1);
        assert_eq!(desk.held("1").await, ("a".into(), None, None, None));
        assert_eq!(desk.reads(22, &page).await.unchanged, 1);
        desk.warehouse.close().await;
    }

    /// An index that lags may show a record that is there again as it was before its last change.
    async fn what_is_there_again_is_not_taken_back_to_an_older_version<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        desk.sees(0, &[ticket("1", "newest", -10)]).await;
        desk.hears(10, "1", trashed(5)).await;
        assert_eq!(desk.reads(20, &[ticket("1", "older", -60)]).await, Counts { updated: 1, ..Counts::default() });
        assert_eq!(desk.held("1").await, ("newest".into(), None, None, None));
        let mut older = ticket("1", "older", -60);
        older["isTrashed"] = true.into();
        assert_eq!(desk.sees(30, &[older]).await, Counts { deleted: 1, ..Counts::default() });
        assert_eq!(desk.held("1").await, ("newest".into(), Some(30), None, Some("trashed".into())));
        desk.warehouse.close().await;
    }

    /// An edit after the deletion proves the restoration, whichever of the two is heard of first.
    async fn an_edit_after_the_deletion_outlives_it_in_either_order<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        desk.sees(0, &[ticket("1", "a", -60), ticket("2", "b", -60)]).await;
        desk.hears(10, "1", trashed(5)).await;
        desk.sees(11, &[ticket("1", "again", 7)]).await;
        desk.sees(11, &[ticket("2", "again", 7)]).await;
        assert_eq!(desk.hears(12, "2", trashed(5)).await.deleted, 0);
        for id in ["1", "2"] {
            assert_eq!(desk.held(id).await, ("again".into(), None, None, None));
        }
        // And what is deleted once more is deleted.
        assert_eq!(desk.hears(20, "1", trashed(15)).await.deleted, 1);
        desk.warehouse.close().await;
    }

    /// Nothing is kept for an id that is not held; hearing of it again marks what a stale page brought meanwhile.
    async fn a_deletion_of_what_is_not_held_waits_for_the_next_reading<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        assert_eq!(desk.hears(10, "1", trashed(5)).await, Counts::default());
        assert_eq!(desk.sees(11, &[ticket("1", "a", 4)]).await.inserted, 1);
        assert_eq!(desk.hears(12, "1", trashed(5)).await.deleted, 1);
        desk.warehouse.close().await;
    }

    /// Who deleted it is worth more than that it was found missing.
    async fn a_better_tombstone_takes_the_place_of_a_poorer_one<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        desk.sees(0, &[ticket("1", "a", -60)]).await;
        desk.hears(30, "1", Tombstone::new(Reason::Gone, minutes(30))).await;
        assert_eq!(desk.hears(40, "1", trashed(5)).await.deleted, 0);
        assert_eq!(desk.held("1").await, ("a".into(), Some(5), Some("77".into()), Some("trashed".into())));
        desk.hears(50, "1", Tombstone::new(Reason::Gone, minutes(5))).await;
        assert_eq!(desk.held("1").await.3.as_deref(), Some("trashed"));
        desk.warehouse.close().await;
    }

    /// A record that says of itself that it is in the bin is no sign of life.
    async fn a_record_with_the_flag_of_the_bin_is_deleted<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        let mut flagged = ticket("1", "a", -60);
        desk.sees(0, &[flagged.clone()]).await;
        flagged["isTrashed"] = json!("true");
        assert_eq!(desk.sees(10, &[flagged.clone()]).await.deleted, 1);
        assert_eq!(desk.held("1").await.3.as_deref(), Some("trashed"));
        assert_eq!(desk.sees(90, &[flagged.clone()]).await.unchanged, 1);
        flagged["isTrashed"] = json!(false);
        assert_eq!(desk.reads(95, &[flagged]).await.updated, 1);
        assert!(desk.is_alive("1").await);
        desk.warehouse.close().await;
    }

    /// What a complete list does not have is gone, unless it is too much to believe.
    async fn a_complete_list_marks_what_it_lacks<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        let all: Vec<_> = (0..20).map(|id| ticket(&id.to_string(), "a", -60)).collect();
        desk.sees(0, &all).await;
        let complete = |minute, ids: std::ops::Range<i32>, brake| Complete {
            resource: tickets(), run: desk.run, ids: ids.map(|id| id.to_string().into()).collect(), at: minutes(minute), brake,
        };
        let brake = Brake::USUAL;
        for (ids, missing) in [(0..0, 20), (0..16, 4)] {
            let marked = desk.warehouse.mark_missing(complete(5, ids, brake)).await.expect("an answer");
            assert_eq!(marked, Missing::TooMany { held: 20, missing });
        }
        let marked = desk.warehouse.mark_missing(complete(5, 1..20, brake)).await.expect("an answer");
        assert_eq!(marked, Missing::Marked(Counts { deleted: 1, ..Counts::default() }));
        assert_eq!(desk.held("0").await, ("a".into(), Some(5), None, Some("gone".into())));
        let marked = desk.warehouse.mark_missing(complete(6, 0..0, Brake::OFF)).await.expect("an answer");
        assert_eq!(marked, Missing::Marked(Counts { deleted: 19, ..Counts::default() }));
        desk.warehouse.close().await;
    }

    /// The feed's bookmark moves with what came from it.
    async fn a_feed_remembers_up_to_when_it_was_read<D>(database) {
        let desk = Desk::<D>::begin(database).await;
        assert_eq!(desk.warehouse.feed_read_until("recycle_bin").await.expect("an answer"), None);
        let found = Found::new(tickets(), desk.run, minutes(3));
        desk.warehouse.land_found(vec![found], Some(("recycle_bin", minutes(2)))).await.expect("it lands");
        assert_eq!(desk.warehouse.feed_read_until("recycle_bin").await.expect("an answer"), Some(minutes(2)));
        desk.warehouse.close().await;
    }
}

/// Ids of the rows with this condition, ascending.
async fn ids(house: &House, table: &str, condition: &str) -> Vec<String> {
    house.database.column(&format!("select id from {{t}}{table} where {condition} order by id")).await
}

on_every_engine! {
    /// Every module's trash is found for one request, and what is restored is alive again.
    async fn the_recycle_bin_is_read_each_night(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        portal.sandbox.advance(chrono::Duration::days(1));
        for resource in compare::ALL {
            portal.sandbox.trash(resource, 3);
        }
        portal.sandbox.advance(chrono::Duration::minutes(30));
        portal.sandbox.clear_requests();
        let summary = house.sync().await;
        assert_eq!(portal.requests_for("/recycleBin"), 2, "a page, and what comes behind the first row of it");
        for resource in compare::ALL {
            assert_eq!(house::of(&summary, resource)["rows_deleted"], 3);
            let gone = portal.sandbox.departed(resource);
            assert_eq!(ids(&house, resource, "_deleted_reason = 'trashed'").await, gone.iter().map(|one| one.id.clone()).collect::<Vec<_>>());
            for one in gone {
                let Leaving::Trashed { by } = one.leaving else { panic!("it is in the bin") };
                let row = format!("{resource} where id = '{}'", one.id);
                assert_eq!(house.database.instant("_deleted_at", &row).await, Some(one.at));
                assert_eq!(house.database.column(&format!("select _deleted_by from {{t}}{row}")).await, [by]);
            }
        }
        let live = "select rows from {t}deskhouse_freshness where resource = 'tickets'";
        assert_eq!(house.database.number(live).await, 297);

        // An idle night costs one request: everything in the bin is older than the last reading.
        portal.sandbox.advance(chrono::Duration::days(1));
        portal.sandbox.clear_requests();
        let idle = house.sync().await;
        assert_eq!(portal.requests_for("/recycleBin"), 1);
        assert_eq!(house::of(&idle, "tickets")["rows_deleted"], 0);

        // Restored with a new time, it is found by the search.
        portal.sandbox.configure(|settings| settings.restoring_is_a_change = true);
        portal.sandbox.restore("tickets", 3);
        portal.sandbox.advance(chrono::Duration::minutes(30));
        house.sync().await;
        assert!(ids(&house, "tickets", "_deleted_at is not null").await.is_empty());
        compare::assert_fields(&portal, &house.database, "tickets").await;
    }

    /// A bin of many pages is read to where it was read before, also while it grows.
    async fn a_long_bin_is_read_whole(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 900, ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        for _ in 0..3 {
            portal.sandbox.advance(chrono::Duration::minutes(20));
            portal.sandbox.trash("tickets", 150);
        }
        house.sync().await;
        assert_eq!(ids(&house, "tickets", "_deleted_at is not null").await.len(), 450);
    }

    /// A bin that may not be seen is reported, and everything else is complete.
    async fn a_refused_bin_disturbs_nothing_else(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 300, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        // A comparison would find out by itself that they are in the bin.
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        house.sync().await;
        portal.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.settings.READ"));
        portal.sandbox.advance(chrono::Duration::days(1));
        portal.sandbox.trash("tickets", 3);
        portal.sandbox.edit("tickets", 5);
        let ran = house.run(&["sync", "--json"]).await.exits(4);
        assert_eq!(house::of(&ran.json(), "tickets")["state"], "complete");
        assert_eq!(ran.json()["feeds"][0]["resource"], "recycle_bin");
        assert!(ran.stderr.contains("Desk.settings.READ"), "{}", ran.stderr);
        assert!(ids(&house, "tickets", "_deleted_at is not null").await.is_empty());
        // Granted again, it is read from where it was read before.
        portal.sandbox.configure(|settings| settings.scopes.push("Desk.settings.READ".into()));
        house.sync().await;
        assert_eq!(ids(&house, "tickets", "_deleted_at is not null").await.len(), 3);
    }

    /// A bin that fails halfway marks nothing, and the next run reads it again.
    async fn half_a_bin_marks_nothing(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 900, ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        portal.sandbox.advance(chrono::Duration::days(1));
        portal.sandbox.trash("tickets", 250);
        portal.sandbox.fault("/api/v1/recycleBin", [vec![Fault::Pass], vec![Fault::Html(503); 3]].concat());
        house.run(&["sync"]).await.exits(4);
        assert!(ids(&house, "tickets", "_deleted_at is not null").await.is_empty());
        house.sync().await;
        assert_eq!(ids(&house, "tickets", "_deleted_at is not null").await.len(), 250);
    }

    /// What the search leaves out is listed by department and read one by one, once.
    async fn an_archive_that_is_not_searched_is_read_one_by_one(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 900, archived_in_search: false, ..Settings::default() }).await;
        let mut house = House::new(&portal, engine).await;
        // A comparison asks for a record that the search hides.
        house.set("DESKHOUSE_SYNC__VERIFY_BUDGET", "0");
        let truth = portal.sandbox.records("tickets");
        let archived = truth.iter().filter(|row| row["isArchived"] == true).count();
        assert!(archived > 20, "{archived}");
        let singles = |portal: &Portal| {
            let is_single = |path: &str| path.strip_prefix("/api/v1/tickets/").is_some_and(|id| id.parse::<u64>().is_ok());
            portal.api_requests().iter().filter(|asked| is_single(&asked.path)).count()
        };
        let summary = house.sync().await;
        assert_eq!(house::of(&summary, "tickets")["rows_inserted"], 900);
        assert_eq!(singles(&portal), archived);
        let held = ids(&house, "tickets", "is_archived").await;
        assert_eq!(held.len(), archived);
        let row = truth.iter().find(|row| row["id"] == held[0].as_str()).expect("it is there");
        let modified = house.database.instant("modified_time", &format!("tickets where id = '{}'", held[0])).await;
        assert_eq!(modified.map(|time| time.to_rfc3339()), Some(row["modifiedTime"].as_str().expect("a time").replace(".000Z", "+00:00")));

        // Not again the next night; after a turn only what is new in it.
        for (days, lists, new) in [(1, false, 0), (28, true, 3)] {
            portal.sandbox.advance(chrono::Duration::days(days));
            let moved = portal.sandbox.archive("tickets", new);
            let fresh = moved.iter().filter(|id| !held.contains(id)).count();
            portal.sandbox.clear_requests();
            house.sync().await;
            assert_eq!(portal.requests_for("/tickets/archivedTickets") > 0, lists);
            assert_eq!(singles(&portal), fresh);
        }
        assert!(ids(&house, "tickets", "_deleted_at is not null").await.is_empty());
    }

    /// A department that may not be seen, or shows more than can be listed, is named, and the others are read.
    async fn a_department_whose_archive_cannot_be_listed_is_named(engine: Engine) {
        let settings = Settings { tickets: 4_000, archived_in_search: false, ..Settings::default() };
        let portal = Portal::start(settings).await;
        let house = House::new(&portal, engine).await;
        let truth = portal.sandbox.records("tickets");
        let department = truth[0]["departmentId"].as_str().expect("an id").to_owned();
        let elsewhere = |row: &&Value| row["isArchived"] == true && row["departmentId"] != department.as_str();
        let others = truth.iter().filter(elsewhere).count();
        portal.sandbox.configure(|settings| settings.refused_departments = vec![department.clone()]);
        let ran = house.run(&["sync"]).await.exits(4);
        assert!(ran.stderr.contains("may not be seen"), "{}", ran.stderr);
        assert_eq!(ids(&house, "tickets", "is_archived").await.len(), others);

        portal.sandbox.configure(|settings| settings.refused_departments.clear());
        portal.sandbox.advance(chrono::Duration::days(29));
        let ceiling = r#"{"errorCode":"UNPROCESSABLE_ENTITY","message":"The value passed for field 'from' exceeds the range of '0-99'."}"#;
        let refusal = Fault::Status { status: 422, body: ceiling.into(), content_type: "application/json" };
        portal.sandbox.fault("/api/v1/tickets/archivedTickets", [Fault::Pass, refusal]);
        let ran = house.run(&["sync"]).await.exits(4);
        assert!(ran.stderr.contains("is longer than the 100 records that Zoho lists"), "{}", ran.stderr);
        assert!(ids(&house, "tickets", "_deleted_at is not null").await.is_empty());
        let all = truth.iter().filter(|row| row["isArchived"] == true).count();
        assert_eq!(ids(&house, "tickets", "is_archived").await.len(), all, "the others were held already");
    }

    /// An archive that is too long to be listed lacks nothing where the search shows it.
    async fn an_archive_that_is_searched_may_be_longer_than_its_list(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 4_000, ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        let ceiling = r#"{"errorCode":"UNPROCESSABLE_ENTITY","message":"The value passed for field 'from' exceeds the range of '0-99'."}"#;
        let refusal = Fault::Status { status: 422, body: ceiling.into(), content_type: "application/json" };
        portal.sandbox.advance(chrono::Duration::days(29));
        portal.sandbox.fault("/api/v1/tickets/archivedTickets", [Fault::Pass, refusal.clone()]);
        house.sync().await;
        assert!(portal.requests_for("/tickets/archivedTickets") > 1, "it is listed after a turn");
        portal.sandbox.fault("/api/v1/tickets/archivedTickets", [Fault::Pass, Fault::Pass, refusal]);
        house.run(&["verify", "tickets", "--deep"]).await.exits(0);
        compare::assert_same(&portal, &house.database).await;
    }

    /// A list that ends before its archive does tells a comparison nothing, and its last pages are the dearest.
    async fn an_archive_that_is_searched_and_longer_than_any_list_is_not_listed_each_night(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 4, ..Settings::default() }).await;
        let mut like = portal.sandbox.records("tickets")[0].clone();
        like["isArchived"] = true.into();
        for number in 0..5_100 {
            let at = portal.sandbox.now() - chrono::Duration::days(400) + chrono::Duration::seconds(number);
            like["id"] = format!("9{number:017}").into();
            like["createdTime"] = at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string().into();
            like["modifiedTime"] = like["createdTime"].clone();
            portal.sandbox.put("tickets", like.clone());
        }
        let mut house = House::new(&portal, engine).await;
        house.set("DESKHOUSE_SYNC__RESOURCES", "tickets");
        house.sync().await;
        for _ in 0..2 {
            portal.sandbox.advance(chrono::Duration::days(1));
            house.sync().await;
        }
        house.run(&["verify"]).await.exits(0);
        let ended = "select count(*) from {t}deskhouse_checks where turn_ended_at is not null";
        assert_eq!(house.database.number(ended).await, 1, "a turn has come to its end, and to the archive");
        let asked = portal.requests_for("/tickets/archivedTickets");
        assert!(asked < 20, "{asked} requests for archives that searches show");
        let compared = compare::assert_fields(&portal, &house.database, "tickets").await;
        assert_eq!(compared, (Vec::new(), Vec::new()));
    }

    /// Where the search shows archived records, one question is enough to know it.
    async fn an_archive_that_is_searched_is_not_read_again(engine: Engine) {
        let portal = Portal::start(Settings { tickets: 900, ..Settings::default() }).await;
        let house = House::new(&portal, engine).await;
        house.sync().await;
        assert_eq!(portal.requests_for("/tickets/archivedTickets"), 0);
        let asked = portal.api_requests();
        assert_eq!(asked.iter().filter(|asked| asked.query.starts_with("id=")).count(), 1);
        compare::assert_same(&portal, &house.database).await;
    }
}
