//! What cannot be read or is refused costs itself only: a cell its cell, a record its row; and whatever a person or a fault
//! has done to the ledger or to a cell, nothing is taken for done or for equal that is not.

use chrono::TimeDelta;
use desk_sandbox::Settings;
use deskhouse::resource;
use deskhouse::warehouse::Warehouse;
use serde_json::json;

use crate::support::landing::{Run, iso, ticket};
use crate::support::warehouse::{Home, on_every_warehouse};
use crate::support::{Database, Engine, House, Portal, house, noon, on_every_engine};

/// What waits: record, column and value.
async fn waiting(database: &Database) -> Vec<String> {
    let sql =
        "select record_id || ' ' || column_name || ' ' || coalesce(value, '') from {t}deskhouse_rejects order by 1";
    database.column(sql).await
}

async fn with_tickets(engine: Engine) -> (Portal, House) {
    let portal = Portal::start(Settings { tickets: 30, ..Settings::default() }).await;
    let mut house = House::new(&portal, engine).await;
    house.set("DESKHOUSE_SYNC__RESOURCES", "tickets");
    (portal, house)
}

on_every_engine! {
    async fn a_cell_that_cannot_be_read_costs_itself_only(engine: Engine) {
        let (portal, house) = with_tickets(engine).await;
        let at = |minutes| portal.sandbox.now() + TimeDelta::minutes(minutes);
        portal.sandbox.put_raw("tickets", "701", at(0), format!(
            r#"{{"id":"701","subject":"old","status":"Open","dueDate":"2026-06-14T12:00:00.000Z","modifiedTime":"{}"}}"#,
            iso(at(0)),
        ));
        portal.sandbox.advance(TimeDelta::hours(1));
        house.sync().await;

        // It is closed, and gets a due date that is none: all else of it is what it is by now.
        portal.sandbox.put_raw("tickets", "701", at(0), format!(
            r#"{{"id":"701","subject":"new","status":"Closed","dueDate":"20224-03-01T00:00:00.000Z","isSpam":"Yes",
            "threadCount":"1,234","closedTime":"2024-03-31","responseDueDate":"2024-03-31 10:00:00+0530",
            "cf":{{"cf_n":1e400000}},"modifiedTime":"{}"}}"#,
            iso(at(0)),
        ));
        portal.sandbox.advance(TimeDelta::hours(1));
        house.run(&["sync"]).await.exits(0);
        let rows = house.database.rows(resource::find("tickets").expect("a resource")).await;
        let row = &rows["701"];
        for (column, expected) in [
            ("subject", Some("new")),
            ("status", Some("Closed")),
            ("due_date", None),
            ("is_spam", Some("1")),
            ("thread_count", Some("1234")),
            ("closed_time", Some("2024-03-31T00:00:00.000Z")),
            ("response_due_date", Some("2024-03-31T04:30:00.000Z")),
            ("custom_fields", None),
        ] {
            assert_eq!(row[column].as_deref(), expected, "{column}");
        }
        let two = [r#"701 custom_fields {"cf_n":1e400000}"#, r#"701 due_date "20224-03-01T00:00:00.000Z""#];
        assert_eq!(waiting(&house.database).await, two);
        let freshness = "select rejected_cells * 10 + rejected_records from {t}deskhouse_freshness where resource = 'tickets'";
        assert_eq!(house.database.number(freshness).await, 20);
        let status = house.run(&["status", "--json"]).await.exits(0).json();
        let tickets = status["resources"].as_array().and_then(|all| all.iter().find(|one| one["resource"] == "tickets"));
        let tickets = tickets.expect("tickets");
        assert_eq!((&tickets["rejected_cells"], &tickets["rejected_records"]), (&json!(2), &json!(0)));
        // What cannot be read is no difference.
        let compared = house.run(&["verify", "tickets", "--deep", "--json"]).await.exits(0).json();
        let compared = house::of(&compared, "tickets");
        assert_eq!((&compared["rows_updated"], &compared["rows_altered"]), (&json!(0), &json!(0)), "{compared}");

        // One of the two is put right.
        portal.sandbox.put("tickets", json!({
            "id": "701", "subject": "newer", "dueDate": "2026-06-14T12:00:00.000Z", "threadCount": "1,23",
            "modifiedTime": iso(at(0)),
        }));
        portal.sandbox.advance(TimeDelta::hours(1));
        house.run(&["sync"]).await.exits(0);
        assert_eq!(waiting(&house.database).await, [r#"701 thread_count "1,23""#]);
    }

    /// What an earlier version has left is read again by a later one, without a request.
    async fn a_later_version_reads_what_waits(engine: Engine) {
        let (portal, house) = with_tickets(engine).await;
        let put = |id: &str, json: &str| portal.sandbox.put_raw("tickets", id, portal.sandbox.now(), json.into());
        put("701", r#"{"id":"701","isSpam":[],"modifiedTime":"2026-06-15T11:00:00.000Z"}"#);
        put("702", r#"{"id":"702","subject":"back","modifiedTime":"some time"}"#);
        portal.sandbox.advance(TimeDelta::hours(1));
        house.run(&["sync"]).await.exits(4);
        house.database.execute("update {t}deskhouse_rejects set version = '0.0.1', value = '\"Yes\"' where record_id = '701'").await;
        // A version of these tests could not read times with a zone, and could read this one.
        let raw = r#"{"id":"702","subject":"back","modifiedTime":"2026-06-15T11:00:00.000+00:00"}"#;
        house.database.execute(&format!("update {{t}}deskhouse_rejects set version = '0.0.1', raw = '{raw}' where record_id = '702'")).await;
        portal.sandbox.put_raw("tickets", "702", portal.sandbox.now() - TimeDelta::days(900), raw.into());
        portal.sandbox.advance(TimeDelta::hours(1));
        house.run(&["sync"]).await.exits(0);
        assert_eq!(waiting(&house.database).await, [""; 0]);
        assert_eq!(house.database.column("select subject from {t}tickets where id = '702'").await, ["back"]);
        assert_eq!(house.database.number("select count(*) from {t}tickets where id = '701' and is_spam").await, 1);
    }

    async fn a_cell_that_somebody_has_altered_is_seen_and_mended(engine: Engine) {
        let (_portal, house) = with_tickets(engine).await;
        house.sync().await;
        let tickets = resource::find("tickets").expect("a resource");
        let sound = house.database.rows(tickets).await;
        let [first, second, ..] = &*sound.keys().collect::<Vec<_>>() else { panic!("tickets") };
        house.database.execute(&format!("update {{t}}tickets set status = 'Altered' where id = '{first}'")).await;
        let sql = format!("update {{t}}tickets set thread_count = null, custom_fields = '{{\"a\":1}}' where id = '{second}'");
        house.database.execute(&sql).await;
        let compare = async |arguments: &[&str]| {
            let compared = house.run(&[&["verify", "tickets", "--json"], arguments].concat()).await.exits(0).json();
            house::of(&compared, "tickets").clone()
        };
        let looked = compare(&["--deep", "--dry-run"]).await;
        assert_eq!((&looked["rows_altered"], &looked["ranges_differing"]), (&json!(2), &json!(1)), "{looked}");
        assert_ne!(house.database.rows(tickets).await, sound);
        let mended = compare(&["--deep"]).await;
        assert_eq!((&mended["rows_altered"], &mended["rows_updated"]), (&json!(2), &json!(2)), "{mended}");
        assert_eq!(house.database.rows(tickets).await, sound);
        let again = compare(&["--deep"]).await;
        assert_eq!((&again["rows_altered"], &again["rows_updated"]), (&json!(0), &json!(0)), "{again}");
    }

    /// A ledger that says something else than it can mean is told of, and stands for nothing.
    async fn a_damaged_ledger_is_told_of_and_nothing_is_taken_for_done(engine: Engine) {
        let (portal, house) = with_tickets(engine).await;
        house.sync().await;
        portal.sandbox.advance(TimeDelta::hours(1));
        let mut damages = vec![
            ("deskhouse_windows", "purpose = 'mystery', done = false", "purpose = 'sync', done = true", "`purpose` of (tickets, "),
            ("deskhouse_windows", "range_of = '', done = false", "range_of = 'modified', done = true", "`range_of` of (tickets, "),
        ];
        if engine == Engine::Sqlite {
            // A file takes anything.
            damages.extend([
                ("deskhouse_windows", "at_time = 'noon', done = 0", "at_time = to_time, done = 1", "`at_time` of (tickets, "),
                ("deskhouse_windows", "done = 7", "done = 1", "`done` of (tickets, "),
                ("deskhouse_windows", "done = 'yes'", "done = 1", "`done` of (tickets, "),
                ("deskhouse_bookmarks", "read_until = 20260615", "read_until = complete_until", "`read_until` of (tickets, "),
                ("deskhouse_bookmarks", "read_since = 'x'", "read_since = '2010-01-01T00:00:00.000Z'", "`read_since` of (tickets"),
            ]);
        }
        for (table, damage, repair, told) in damages {
            let change = async |set: &str| {
                let sql = format!("update {{t}}{table} set {set} where resource = 'tickets'");
                house.database.execute(&sql).await;
            };
            change(damage).await;
            let ran = house.run(&["sync"]).await.exits(1);
            assert!(ran.stderr.contains(told) && ran.stderr.contains(table), "{damage}: {}", ran.stderr);
            assert!(ran.stderr.contains("put back the value from a backup"), "{}", ran.stderr);
            change(repair).await;
        }
        house.database.execute("update {t}deskhouse_runs set state = 'elated' where id = 1").await;
        let ran = house.run(&["status"]).await.exits(1);
        assert!(ran.stderr.contains("`state` of (") && ran.stderr.contains("elated"), "{}", ran.stderr);
        house.database.execute("update {t}deskhouse_runs set state = 'complete' where id = 1").await;
        house.run(&["sync"]).await.exits(0);
    }
}

/// Makes the database refuse rows of tickets for which a condition holds, or nothing any more.
async fn refuse<D: Home>(database: &Database, condition: Option<&str>) {
    let script = match (D::ENGINE, condition) {
        (Engine::Sqlite, Some(condition)) => ["insert", "update"]
            .map(|kind| {
                format!(
                    "create trigger refuse_{kind} before {kind} on tickets when {} begin select raise(abort, 'no'); end;",
                    condition.replace("row.", "new.")
                )
            })
            .concat(),
        (Engine::Sqlite, None) => "drop trigger refuse_insert; drop trigger refuse_update;".into(),
        (Engine::Postgres, Some(condition)) => format!(
            "alter table tickets add constraint refuse check (({}) is not true) not valid;",
            condition.replace("row.", "")
        ),
        (Engine::Postgres, None) => "alter table tickets drop constraint refuse;".into(),
    };
    database.script(&script).await;
}

fn code<D: Home>() -> &'static str {
    if D::ENGINE == Engine::Sqlite { "1811" } else { "23514" }
}

on_every_warehouse! {
    /// The database refuses rows: those go in without what it refuses, and all others as they are.
    async fn what_the_database_refuses_costs_itself_only<D>(database) {
        let run = Run::<D>::begin(database).await;
        let page = |subject: &str, minutes| {
            let records: Vec<_> = (0..40).map(|id| ticket(&id.to_string(), &format!("{subject} {id}"), minutes)).collect();
            run.page(&records)
        };
        run.land(page("old", 60)).await;
        refuse::<D>(database, Some("row.id = '13' or row.subject in ('new 7', 'new 39')")).await;
        let landed = run.land(page("new", 30)).await;
        assert_eq!((landed.counts.updated, landed.counts.rejected, landed.counts.read), (39, 1, 40));
        let told = database.query("select record_id, column_name, reason, value from {t}deskhouse_rejects order by 1, 2").await;
        let reason = format!("the database refuses it (code {})", code::<D>());
        let told: Vec<Vec<_>> = told.iter().map(|row| row.iter().map(|cell| cell.as_deref()).collect()).collect();
        let expected = [
            vec![Some("13"), Some(""), Some(&*reason), None],
            vec![Some("39"), Some("subject"), Some(&*reason), Some("\"new 39\"")],
            vec![Some("7"), Some("subject"), Some(&*reason), Some("\"new 7\"")],
        ];
        assert_eq!(told, expected);
        let new = "select count(*) from {t}tickets where subject like 'new %'";
        assert_eq!(database.number(new).await, 37);
        assert_eq!(database.column("select subject from {t}tickets where id = '13'").await, ["old 13"]);
        let at = database.canonical("modified_time", deskhouse::resource::Kind::Timestamp);
        let at = format!("select {at} from {{t}}tickets where id = '7' and subject is null");
        assert_eq!(database.column(&at).await, [iso(noon() - TimeDelta::minutes(30))]);

        // As soon as the database takes it, it is all there.
        refuse::<D>(database, None).await;
        assert_eq!(run.land(page("new", 30)).await.counts.updated, 3);
        assert_eq!(database.number(new).await, 40);
        assert_eq!(database.number("select count(*) from {t}deskhouse_rejects").await, 0);
        run.close().await;
    }

    /// New rows, all of them refused: progress and rejects commit together with what landed before.
    async fn a_page_that_is_refused_as_a_whole_does_not_stop_the_window<D>(database) {
        let run = Run::<D>::begin(database).await;
        refuse::<D>(database, Some("row.id like '7%'")).await;
        let window = &run.windows[0];
        let sound = run.page(&[ticket("1", "a", 60)]);
        let refused = run.page(&(700..703).map(|id| ticket(&id.to_string(), "x", 30)).collect::<Vec<_>>());
        let end = run.end_of(window);
        let landed = run.warehouse.land([sound, refused, end]).await.expect("it lands");
        assert_eq!((landed.counts.inserted, landed.counts.rejected), (1, 3));
        assert_eq!(run.history(deskhouse::resource::find("tickets").expect("a resource")).await.open, run.windows[1..]);
        assert_eq!(database.column("select id from {t}tickets").await, ["1"]);
        assert_eq!(database.number("select count(*) from {t}deskhouse_rejects where column_name = ''").await, 3);
        run.close().await;
    }

    /// Counts and cuts of created time are asked of the database.
    async fn parts_of_a_table_tile_its_range_and_cut_no_second<D>(database) {
        use deskhouse::ledger::Range;
        use deskhouse::warehouse::Extent;
        let run = Run::<D>::begin(database).await;
        // Seven tickets in each second that is a multiple of 50, and 40 in one.
        let seconds = (0..100).map(|n| n / 7 * 50).chain([325; 40]);
        let at = |second: i64| noon() - TimeDelta::days(1) + TimeDelta::seconds(second);
        let records: Vec<_> = seconds
            .enumerate()
            .map(|(id, second)| json!({"id": format!("{id}"), "modifiedTime": iso(noon()), "createdTime": iso(at(second))}))
            .collect();
        run.land(run.page(&records)).await;
        let extent = Extent::all(deskhouse::resource::find("tickets").expect("a resource"));
        let whole = Range { from: at(-1_000), to: at(10_000) };
        assert_eq!(run.warehouse.count(extent, None).await.expect("a count"), 140);
        let (mut parts, mut left) = (Vec::new(), Some(whole));
        while let Some(rest) = left {
            let part;
            (part, left) = run.warehouse.part(extent, rest, 10).await.expect("a part");
            parts.push(part);
        }
        assert_eq!((parts[0].from, parts[parts.len() - 1].to), (whole.from, whole.to));
        assert!(parts.windows(2).all(|pair| pair[0].to + TimeDelta::milliseconds(1) == pair[1].from));
        let mut all = 0;
        for part in &parts {
            let held = run.warehouse.count(extent, Some(*part)).await.expect("a count");
            assert!(held <= 14 || held == 40, "{held} in {part:?}");
            all += held;
            assert!(part.from == whole.from || part.from.timestamp_subsec_millis() == 500, "{part:?}");
        }
        assert_eq!(all, 140);
        // Halved again and again, each record is in one part, and a part is a second.
        let (mut open, mut done) = (vec![whole], Vec::new());
        while let Some(range) = open.pop() {
            match run.warehouse.halves(extent, range).await.expect("halves") {
                Some((left, right)) if run.warehouse.count(extent, Some(range)).await.expect("a count") > 1 => {
                    open.extend([right, left]);
                }
                _ => done.push(run.warehouse.count(extent, Some(range)).await.expect("a count")),
            }
        }
        assert_eq!(done.iter().sum::<u64>(), 140);
        assert!(done.contains(&40) && done.iter().all(|held| *held <= 7 || *held == 40), "{done:?}");
        run.close().await;
    }
}
