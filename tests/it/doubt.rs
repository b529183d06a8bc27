//! Answers that are good and not true: they are asked for again, and what stays hidden is a gap with its number.

use desk_sandbox::{Falsehood, Falsehoods, Fault, Settings};
use serde_json::Value;

use crate::support::{Engine, House, Portal, compare, house, on_every_engine};

/// Where one false answer contradicts itself, or what was known before it.
const CONTRADICTIONS: [Falsehood; 3] = [Falsehood::NoContent, Falsehood::Empty, Falsehood::Short];

fn nothing() -> Fault {
    Fault::Status { status: 204, body: String::new(), content_type: "application/json" }
}

async fn with_tickets(engine: Engine, settings: Settings) -> (Portal, House) {
    let portal = Portal::start(settings).await;
    let house = House::new(&portal, engine).await;
    (portal, house)
}

fn told(summary: &Value, resource: &str) -> String {
    house::of(summary, resource)["error"].as_str().unwrap_or_default().to_owned()
}

on_every_engine! {
    async fn a_portal_that_lies_once_in_a_while_is_copied_whole(engine: Engine) {
        for how in CONTRADICTIONS {
            let falsehoods = Falsehoods { how, every: Some(7), ..Falsehoods::default() };
            let settings = Settings { tickets: 1_500, falsehoods, ..Settings::default() };
            let (portal, house) = with_tickets(engine, settings).await;
            house.sync().await;
            compare::assert_same(&portal, &house.database).await;
            // Changes of a day, of which a false answer would hide any.
            for module in compare::ALL {
                portal.sandbox.edit(module, 3);
            }
            portal.sandbox.advance(chrono::Duration::days(1));
            portal.sandbox.configure(|settings| settings.falsehoods.every = Some(3));
            house.sync().await;
            compare::assert_same(&portal, &house.database).await;
        }
    }

    /// Where nobody counts, the row that a stopped run had come to tells that an answer without it is not the end.
    async fn what_a_stopped_run_left_of_a_list_that_is_not_counted_is_not_ended_by_an_empty_answer(engine: Engine) {
        for how in [nothing(), Fault::Status { status: 200, body: r#"{"data":[]}"#.into(), content_type: "application/json" }] {
            let (portal, house) = with_tickets(engine, Settings { articles: 300, ..Settings::default() }).await;
            let backfill = ["backfill", "--from", "2000-01-01", "--to", "2026-06-14", "articles"];
            portal.sandbox.fault("/api/v1/articles", [vec![Fault::Pass; 2], vec![Fault::Html(503); 3]].concat());
            house.run(&backfill).await.exits(4);
            let landed = house.database.number("select count(*) from {t}articles").await;
            assert!((1..300).contains(&landed), "{landed}");
            portal.sandbox.fault("/api/v1/articles", [how.clone(), how]);
            house.run(&backfill).await.exits(0);
            let compared = compare::assert_fields(&portal, &house.database, "articles").await;
            assert_eq!(compared, (Vec::new(), Vec::new()));
        }
    }

    async fn what_the_portal_never_gives_is_a_gap_with_its_number_and_all_else_is_there(engine: Engine) {
        for how in [&CONTRADICTIONS[..], &[Falsehood::Miscounted]].concat() {
            let settings = Settings { tickets: 1_500, ..Settings::default() };
            let (portal, house) = with_tickets(engine, settings).await;
            let mut placed = portal.sandbox.placed("tickets");
            placed.sort_by_key(|placed| placed.modified);
            // Alone in its second, in the middle of the history.
            let alone = placed.windows(3).skip(600).find(|near| {
                near[0].modified < near[1].modified && near[1].modified < near[2].modified
            });
            let hidden = alone.expect("a ticket alone in its second")[1].clone();
            let falsehoods = Falsehoods { how, at: vec![hidden.id.clone()], ..Falsehoods::default() };
            portal.sandbox.configure(|settings| settings.falsehoods = falsehoods);
            let ran = house.run(&["sync", "--json"]).await.exits(4);
            let summary = ran.json();
            let (missing, surplus) = compare::assert_fields(&portal, &house.database, "tickets").await;
            assert_eq!((missing, surplus), (vec![hidden.id.clone()], Vec::new()), "{how:?}");
            assert_eq!(house::of(&summary, "tickets")["state"], "partial", "{summary}");
            assert_eq!(house::of(&summary, "tickets")["open_windows"], 1, "{summary}");
            let told = told(&summary, "tickets");
            assert!(told.contains("1 record between"), "{how:?}: {told}");
            let times: Vec<_> = told.split("between ").nth(1).expect("a range").split(" and ").collect();
            let time = |text: &str| format!("{}Z", text[..19].replace(' ', "T")).parse::<chrono::DateTime<chrono::Utc>>();
            let (from, to) = (time(times[0]).expect("a time"), time(times[1]).expect("a time"));
            assert!(from <= hidden.modified && hidden.modified <= to && (to - from).num_seconds() <= 4, "{told}");
            // It is asked for again, and here it is.
            portal.sandbox.configure(|settings| settings.falsehoods = Falsehoods::default());
            house.sync().await;
            compare::assert_same(&portal, &house.database).await;
        }
    }

    async fn pages_that_are_always_cut_in_half_lose_nothing(engine: Engine) {
        let falsehoods = Falsehoods { halves: true, ..Falsehoods::default() };
        let settings = Settings { tickets: 300, mass_edits: vec![40], falsehoods, ..Settings::default() };
        let (portal, mut house) = with_tickets(engine, settings).await;
        house.set("DESKHOUSE_SYNC__RESOURCES", "tickets,articles");
        house.sync().await;
        for resource in ["tickets", "articles"] {
            let compared = compare::assert_fields(&portal, &house.database, resource).await;
            assert_eq!(compared, (Vec::new(), Vec::new()), "{resource}");
        }
    }

    async fn pages_that_are_too_heavy_are_asked_for_in_smaller_ones(engine: Engine) {
        let settings = Settings { tickets: 700, articles: 40, heaviest_page: 17, ..Settings::default() };
        let (portal, mut house) = with_tickets(engine, settings).await;
        house.set("DESKHOUSE_SYNC__RESOURCES", "tickets,articles,article_translations,agents");
        house.sync().await;
        for resource in ["tickets", "articles", "article_translations"] {
            let compared = compare::assert_fields(&portal, &house.database, resource).await;
            assert_eq!(compared, (Vec::new(), Vec::new()), "{resource}");
        }
        // Each size is tried once more only after good ones, and no page more often than that takes.
        let requests = portal.requests_for("/tickets/search");
        assert!(requests < 150, "{requests} requests for 700 tickets");
    }

    async fn more_records_of_one_instant_than_offsets_reach_are_cut_by_all_that_cuts_them(engine: Engine) {
        for from_cap in [999, 4_999] {
            let settings = Settings { tickets: 4, from_cap, ..Settings::default() };
            let (portal, mut house) = with_tickets(engine, settings).await;
            let department = portal.sandbox.list("departments")[0]["id"].clone();
            let second = (portal.sandbox.now() - chrono::Duration::days(9)).format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
            let mut like = portal.sandbox.records("tickets")[0].clone();
            for number in 0..1_200 {
                like["id"] = format!("9{number:017}").into();
                like["departmentId"] = department.clone();
                like["createdTime"] = second.clone().into();
                like["modifiedTime"] = second.clone().into();
                like["status"] = ["Open", "On Hold", "Closed"][number % 3].into();
                like["statusType"] = like["status"].clone();
                portal.sandbox.put("tickets", like.clone());
            }
            house.set("DESKHOUSE_SYNC__RESOURCES", "tickets");
            house.sync().await;
            let compared = compare::assert_fields(&portal, &house.database, "tickets").await;
            assert_eq!(compared, (Vec::new(), Vec::new()), "{from_cap}");
            house.run(&["verify", "--deep"]).await.exits(0);
        }
    }

    async fn lists_the_bin_and_archives_are_not_believed_empty_either(engine: Engine) {
        let settings = Settings { tickets: 400, archived_in_search: false, ..Settings::default() };
        let (portal, mut house) = with_tickets(engine, settings).await;
        house.set("DESKHOUSE_SYNC__RESOURCES", "tickets,agents,contracts,articles,article_translations");
        let lie_once = || {
            for path in ["/api/v1/agents", "/api/v1/contracts", "/api/v1/recycleBin", "/api/v1/tickets/archivedTickets"] {
                portal.sandbox.fault(path, [nothing()]);
            }
            portal.sandbox.fault("/api/v1/articles/", [nothing()]);
            portal.sandbox.fault("/api/v1/departments", [nothing()]);
        };
        lie_once();
        house.sync().await;
        for resource in ["contracts", "article_translations"] {
            let compared = compare::assert_fields(&portal, &house.database, resource).await;
            assert_eq!(compared, (Vec::new(), Vec::new()), "{resource}");
        }
        // A record of the archive that is read alone looks otherwise than in a search, but it is there.
        let held = house.database.number("select count(*) from {t}tickets where _deleted_at is null").await;
        assert_eq!(held as usize, portal.sandbox.records("tickets").len());
        assert_eq!(house.database.number("select count(*) from {t}agents where _deleted_at is null").await, 12);
        let trashed = portal.sandbox.trash("tickets", 3);
        portal.sandbox.advance(chrono::Duration::days(1));
        lie_once();
        house.sync().await;
        let marked = house.database.number("select count(*) from {t}tickets where _deleted_reason = 'trashed'").await;
        assert_eq!(marked, trashed.len() as i64);
    }
}
