//! What a batch makes of the tables and the ledger, on every engine through the library.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use deskhouse::ledger::{Counts, History, Progress, Reason, Tombstone, Window};
use deskhouse::resource::{self, Kind};
use deskhouse::warehouse::{Batch, Error, Found, Part, Warehouse};
use serde_json::{Value, json};

use crate::support::landing::{OVERLAP, Run, end, iso, ticket, tickets, value};
use crate::support::warehouse::on_every_warehouse;
use crate::support::{Database, noon};

/// What became of records: read, inserted, updated, unchanged, rejected.
fn numbers(counts: Counts) -> [u64; 5] {
    [counts.read, counts.inserted, counts.updated, counts.unchanged, counts.rejected]
}

/// Subjects by ticket.
async fn subjects(database: &Database) -> BTreeMap<String, String> {
    let rows = database.query("select id, subject from {t}tickets").await;
    rows.into_iter().map(|mut row| (row.remove(0).expect("a key"), row.remove(0).unwrap_or_default())).collect()
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(id, subject)| ((*id).to_owned(), (*subject).to_owned())).collect()
}

on_every_warehouse! {
    async fn a_batch_that_lands_twice_changes_nothing_the_second_time<D>(database) {
        let run = Run::<D>::begin(database).await;
        let batch = run.page(&[ticket("1", "a", 60), ticket("2", "b", 50), json!({"subject": "no key"})]);
        assert_eq!(numbers(run.land(batch.clone()).await.counts), [3, 2, 0, 0, 1]);
        let rows = database.rows(tickets()).await;
        let again = Batch { at: noon() + TimeDelta::hours(1), ..batch };
        assert_eq!(numbers(run.land(again).await.counts), [3, 0, 0, 2, 1]);
        assert_eq!(database.rows(tickets()).await, rows);
        let synced_at = database.canonical("_synced_at", Kind::Timestamp);
        let synced_at = format!("select distinct {synced_at} from {{t}}tickets");
        assert_eq!(database.column(&synced_at).await, [iso(noon())]);
        assert_eq!(database.number("select count(*) from {t}deskhouse_rejects").await, 1);
        run.close().await;
    }

    async fn a_newer_version_overwrites_and_an_older_one_does_not<D>(database) {
        let run = Run::<D>::begin(database).await;
        run.land(run.page(&[ticket("1", "first", 60), ticket("2", "first", 60)])).await;
        let landed = run.land(run.page(&[ticket("1", "newer", 59), ticket("2", "older", 61)])).await;
        assert_eq!(numbers(landed.counts), [2, 0, 1, 1, 0]);
        assert_eq!(subjects(database).await, named(&[("1", "newer"), ("2", "first")]));
        // The times are whole seconds, so a second version of one second is as new as the first.
        let landed = run.land(run.page(&[ticket("1", "same second", 59)])).await;
        assert_eq!(numbers(landed.counts), [1, 0, 1, 0, 0]);
        assert_eq!(subjects(database).await["1"], "same second");
        run.close().await;
    }

    async fn of_versions_in_one_batch_the_newest_counts<D>(database) {
        let run = Run::<D>::begin(database).await;
        let page = [
            ticket("1", "old", 60),
            ticket("2", "only", 60),
            ticket("1", "newest", 40),
            ticket("1", "middle", 50),
            ticket("3", "one of two equals", 30),
            ticket("3", "the other", 30),
        ];
        assert_eq!(numbers(run.land(run.page(&page)).await.counts), [6, 3, 0, 3, 0]);
        assert_eq!(subjects(database).await, named(&[("1", "newest"), ("2", "only"), ("3", "the other")]));
        run.close().await;
    }

    async fn a_record_that_fits_no_row_is_kept_until_it_fits<D>(database) {
        let run = Run::<D>::begin(database).await;
        let misfit = json!({"id": "1", "modifiedTime": "yesterday"});
        run.land(run.page(&[misfit.clone(), ticket("2", "fits", 60)])).await;
        let kept = database.query("select record_id, reason, cast(raw as text) from {t}deskhouse_rejects").await;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0][0].as_deref(), Some("1"));
        assert_eq!(kept[0][1].as_deref(), Some("field `/modifiedTime` should be a timestamp, but is \"yesterday\""));
        assert_eq!(kept[0][2].as_deref(), Some(misfit.to_string().as_str()));
        // It comes again, as unfit in another way: the newer reason counts.
        run.land(run.page(&[json!({"id": "1", "modifiedTime": "tomorrow"})])).await;
        let reason = value(database, "select reason from {t}deskhouse_rejects").await;
        assert_eq!(reason.as_deref(), Some("field `/modifiedTime` should be a timestamp, but is \"tomorrow\""));

        run.land(run.page(&[ticket("1", "fits now", 30)])).await;
        assert_eq!(database.number("select count(*) from {t}deskhouse_rejects").await, 0);
        assert_eq!(subjects(database).await, named(&[("1", "fits now"), ("2", "fits")]));
        run.close().await;
    }

    async fn a_window_remembers_how_far_it_was_read<D>(database) {
        let run = Run::<D>::begin(database).await;
        assert_eq!(run.history(tickets()).await.open, run.windows);
        let window = run.windows[0].clone();
        let at = window.range.from + TimeDelta::hours(1);
        let progress = Progress { at, position: Some("in the middle".into()), done: false };
        let rows = run.page(&[ticket("1", "a", 60)]).rows;
        run.land(Batch { rows, ..run.step(&window, &window.progress, &progress) }).await;
        let open = run.history(tickets()).await.open;
        assert_eq!(open.iter().find(|open| open.id == window.id).map(|open| &open.progress), Some(&progress));
        assert_eq!(open.len(), run.windows.len());

        // A server that crashed can have lost the batch before this one: then the ledger does not stand where it begins.
        let late = Batch { rows: run.page(&[ticket("2", "b", 60)]).rows, ..run.end_of(&window) };
        let error = run.warehouse.land([late.clone()]).await.expect_err("the ledger stands elsewhere");
        assert!(matches!(error, Error::LedgerMoved), "{error}");
        assert_eq!(subjects(database).await, named(&[("1", "a")]));

        run.land(run.step(&window, &progress, &end(&window))).await;
        let open = run.history(tickets()).await.open;
        assert_eq!(open, run.windows[1..]);
        // A batch that comes late does not open the window again.
        let late = Batch { rows: late.rows, ..run.step(&window, &window.progress, &progress) };
        let error = run.warehouse.land([late]).await.expect_err("the window is done");
        assert!(matches!(error, Error::LedgerMoved), "{error}");
        assert_eq!(run.history(tickets()).await.open, run.windows[1..]);
        run.close().await;
    }

    async fn the_bookmark_moves_with_the_window_that_frees_it<D>(database) {
        let run = Run::<D>::begin(database).await;
        let (last, others) = run.windows.split_last().expect("windows");
        assert!(!others.is_empty(), "one window would free the bookmark by itself");
        for window in others {
            let landed = run.land(run.end_of(window)).await;
            assert_eq!(landed.complete_until, None);
            assert_eq!(run.bookmark().await.complete_until, None);
        }
        let landed = run.land(run.end_of(last)).await;
        assert_eq!(landed.complete_until, Some(noon() - OVERLAP));
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));

        // A window that is made later holds the bookmark where it is, until it has been read.
        let tomorrow = noon() + TimeDelta::days(1);
        let later = run.plan(tickets(), tomorrow).await;
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));
        let in_between = Progress { at: noon(), position: None, done: false };
        let landed = run.land(run.step(&later[0], &later[0].progress, &in_between)).await;
        assert_eq!(landed.complete_until, None);
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));
        let landed = run.land(run.step(&later[0], &in_between, &end(&later[0]))).await;
        assert_eq!(landed.complete_until, Some(tomorrow - OVERLAP));
        // Another resource is none of its business.
        assert_eq!(run.history(resource::find("contacts").expect("a resource")).await, History::default());
        run.close().await;
    }

    async fn pages_of_several_windows_land_together<D>(database) {
        let run = Run::<D>::begin(database).await;
        let [first, second, ..] = &run.windows[..] else { panic!("one window alone would show nothing") };
        let half = |window: &Window| Progress { at: window.range.from + TimeDelta::hours(1), ..window.progress.clone() };
        let page = |window, since: &Progress, progress: &Progress, records: &[Value]| {
            let Batch { rows, rejects, mut parts, .. } = run.page(records);
            parts[0] = Part { read: parts[0].read, ..run.step(window, since, progress).parts.remove(0) };
            Batch { rows, rejects, parts, ..run.page(&[]) }
        };
        let mut batch = page(first, &first.progress, &half(first), &[ticket("1", "older", 60), ticket("2", "b", 50)]);
        batch.append(page(second, &second.progress, &half(second), &[ticket("1", "newer", 40), json!({"subject": "no key"})]));
        batch.append(page(first, &half(first), &end(first), &[ticket("3", "c", 30)]));
        let elsewhere = page(second, &end(second), &end(second), &[]);
        let mut torn = batch.clone();
        torn.parts[1].since = elsewhere.parts[0].since.clone();
        torn.parts[1].progress = elsewhere.parts[0].progress.clone();
        // The ledger stands where the one begins, and not where the other does: nothing of either lands.
        let error = run.warehouse.land([torn]).await.expect_err("the ledger stands elsewhere");
        assert!(matches!(error, Error::LedgerMoved), "{error}");
        assert_eq!(run.history(tickets()).await.open, run.windows);
        assert_eq!(subjects(database).await, BTreeMap::new());

        for numbers_of_it in [[5, 3, 0, 1, 1], [5, 0, 0, 4, 1]] {
            assert_eq!(numbers(run.land(batch.clone()).await.counts), numbers_of_it);
            assert_eq!(subjects(database).await, named(&[("1", "newer"), ("2", "b"), ("3", "c")]));
            let open = run.history(tickets()).await.open;
            assert_eq!(open.len(), run.windows.len() - 1);
            assert_eq!(open.iter().find(|open| open.id == second.id).map(|open| &open.progress), Some(&half(second)));
        }
        let read = "select sum(records_read) from {t}deskhouse_windows where id = ";
        assert_eq!(database.number(&format!("{read}{}", first.id.0)).await, 2 * 3);
        assert_eq!(database.number(&format!("{read}{}", second.id.0)).await, 2 * 2);
        run.close().await;
    }

    async fn windows_that_end_together_free_the_bookmark<D>(database) {
        let run = Run::<D>::begin(database).await;
        let mut ends = run.windows.iter().map(|window| run.end_of(window));
        let mut batch = ends.next().expect("windows");
        ends.for_each(|end| batch.append(end));
        assert_eq!(batch.parts.len(), run.windows.len());
        assert_eq!(run.land(batch).await.complete_until, Some(noon() - OVERLAP));
        assert_eq!(run.bookmark().await.complete_until, Some(noon() - OVERLAP));
        run.close().await;
    }

    /// What a page was read before cannot be undone by it, whichever pages land with it.
    async fn a_batch_knows_as_much_as_its_first_page<D>(database) {
        let run = Run::<D>::begin(database).await;
        run.land(run.page(&[ticket("1", "a", 60)])).await;
        let gone = vec![("1".into(), Tombstone::new(Reason::Gone, noon()))];
        let found = Found { gone, ..Found::new(tickets(), run.run, noon()) };
        run.warehouse.land_found(vec![found], None).await.expect("it is marked");
        let alive = "select count(*) from {t}tickets where _deleted_at is null";
        let later = noon() + TimeDelta::hours(1);
        let mut batch = run.page(&[ticket("1", "a", 60)]);
        batch.append(Batch { at: later, ..run.page(&[]) });
        run.land(batch).await;
        assert_eq!(database.number(alive).await, 0);
        // Nor is it by a page that was read later and shows it as it was: a search may show what has gone.
        run.land(Batch { at: later, ..run.page(&[ticket("1", "a", 60)]) }).await;
        assert_eq!(database.number(alive).await, 0);
        // What changed after it went is back.
        run.land(Batch { at: later, ..run.page(&[ticket("1", "a", -1)]) }).await;
        assert_eq!(database.number(alive).await, 1);
        run.close().await;
    }

    async fn a_batch_that_does_not_land_moves_nothing<D>(database) {
        let run = Run::<D>::begin(database).await;
        let before = run.history(tickets()).await;
        // The last statement of the transaction fails: rows and progress were written before it.
        database.execute("alter table {t}deskhouse_run_resources rename to gone").await;
        let batch = Batch { rows: run.page(&[ticket("1", "a", 60)]).rows, ..run.end_of(&run.windows[0]) };
        let error = run.warehouse.land([batch]).await.expect_err("the table is gone");
        assert!(matches!(error, Error::Statement { .. }), "{error}");
        assert_eq!(run.history(tickets()).await, before);
        assert_eq!(subjects(database).await, BTreeMap::new());
        run.close().await;
    }

    async fn every_text_reads_back_as_it_was_or_as_near_as_a_database_can<D>(database) {
        let run = Run::<D>::begin(database).await;
        let texts = [
            ("emoji", r#""👩‍👩‍👧 🇵🇹 ok""#, "👩‍👩‍👧 🇵🇹 ok"),
            ("escaped emoji", r#""\ud83d\ude00""#, "😀"),
            ("right to left", r#""שלום، مرحبا \u202eabc""#, "שלום، مرحبا \u{202e}abc"),
            ("combining", r#""e\u0301 ﬁ Å""#, "e\u{301} ﬁ Å"),
            ("quotes", r#""it's \"x\" \\ ; -- {t} ? $1 %""#, r#"it's "x" \ ; -- {t} ? $1 %"#),
            ("control", r#""a\tb\r\nc\u0001\u007f""#, "a\tb\r\nc\u{1}\u{7f}"),
            ("blank", r#""  ""#, "  "),
            ("empty", r#""""#, ""),
            ("nul", r#""a\u0000b""#, "a\u{fffd}b"),
            ("lone surrogate", r#""a\ud800b\udc00""#, "a\u{fffd}b\u{fffd}"),
            ("noncharacter", r#""\uffff\ufdd0""#, "\u{ffff}\u{fdd0}"),
        ];
        let modified = iso(noon());
        let records: Vec<_> = texts
            .iter()
            .map(|(id, json, _)| {
                format!(r#"{{"id":"{id}","subject":{json},"cf":{{"cf_x":{json}}},"modifiedTime":"{modified}"}}"#)
            })
            .collect();
        let landed = run.land(run.page_of_texts(&records)).await;
        assert_eq!((landed.counts.inserted, landed.counts.rejected), (records.len() as u64, 0));
        assert_eq!(landed.counts.mended, 2);
        let rows = database.rows(tickets()).await;
        for ((id, _, expected), received) in texts.iter().zip(&records) {
            let row = &rows[*id];
            assert_eq!(row["subject"].as_deref(), Some(*expected), "{id}");
            let custom = row["custom_fields"].as_deref().expect("an object");
            let custom: Value = serde_json::from_str(custom).expect("JSON");
            assert_eq!(custom["cf_x"], *expected, "{id}");
            assert_eq!(row["_raw"].as_deref(), Some(received.as_str()), "{id}");
        }
        run.close().await;
    }
}
