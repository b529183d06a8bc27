//! Records that leave: what the bin, a record asked for alone and a history tell of them.

use chrono::Duration;
use desk_sandbox::{Departed, Farewell, Leaving, Merged, Settings};

use crate::support::{Client, small, text};

fn of<'a>(departed: &'a [Departed], id: &str) -> &'a Departed {
    departed.iter().find(|one| one.id == id).expect("it has left")
}

#[tokio::test]
async fn the_bin_tells_who_deleted_what_newest_first() {
    let client = Client::new(small()).await;
    assert_eq!(client.get("/recycleBin").await.status, 204);
    let first = client.sandbox.trash("tickets", 3);
    client.sandbox.advance(Duration::minutes(1));
    let second = client.sandbox.trash("articles", 2);
    let rows = client.get("/recycleBin?sortBy=-deletedTime&limit=100").await.rows();
    assert_eq!(rows.len(), 5);
    assert!(rows.is_sorted_by(|a, b| text(a, "deletedTime") >= text(b, "deletedTime")));
    assert!(rows[..2].iter().all(|row| second.contains(&text(row, "id")) && row["type"][0] == "Solutions"));
    let departed = client.sandbox.departed("tickets");
    for row in &rows[2..] {
        let one = of(&departed, &text(row, "id"));
        assert!(first.contains(&one.id));
        assert_eq!(one.leaving, Leaving::Trashed { by: text(row, "deletedById") });
    }
    assert_eq!(client.get("/recycleBin?module=solutions").await.rows().len(), 2);
    assert_eq!(client.get("/recycleBin?module=tickets&limit=2&from=2").await.rows().len(), 1);
    assert_eq!(client.get("/recycleBin?module=agents").await.status, 422);
    assert_eq!(client.get("/recycleBin?limit=101").await.status, 422);
    client.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.settings.READ"));
    assert_eq!(client.get("/recycleBin").await.code(), "SCOPE_MISMATCH");
}

#[tokio::test]
async fn what_is_restored_has_its_old_time_unless_restoring_is_a_change() {
    let client = Client::new(small()).await;
    let truth = client.sandbox.records("contacts");
    for is_change in [false, true] {
        client.sandbox.configure(|settings| settings.restoring_is_a_change = is_change);
        client.sandbox.advance(Duration::minutes(1));
        let gone = client.sandbox.trash("contacts", 2);
        assert_eq!(client.sandbox.records("contacts").len(), truth.len() - 2);
        assert_eq!(client.sandbox.restore("contacts", 9), gone);
        assert_eq!(client.sandbox.records("contacts") == truth, !is_change);
        assert!(client.sandbox.departed("contacts").is_empty());
    }
}

#[tokio::test]
async fn a_record_that_has_left_is_flagged_or_not_found() {
    for farewell in [Farewell::Flagged, Farewell::NotFound] {
        let client = Client::new(Settings { farewell, ..small() }).await;
        let (trashed, spam) = (client.sandbox.trash("tickets", 1), client.sandbox.delete_spam("tickets", 1));
        let purged = client.sandbox.delete("tickets", 1);
        for (id, flag) in [(&trashed[0], "isTrashed"), (&spam[0], "isSpam")] {
            let reply = client.get(&format!("/tickets/{id}")).await;
            match farewell {
                Farewell::Flagged => assert_eq!(reply.json()[flag], true),
                Farewell::NotFound => assert_eq!(reply.status, 404),
            }
            assert_eq!(client.get(&format!("/tickets/search?id={id}")).await.status, 204);
        }
        assert_eq!(client.get(&format!("/tickets/{}", purged[0])).await.status, 404);
        assert_eq!(client.sandbox.purge_bin("tickets", 5), trashed);
        assert_eq!(client.get(&format!("/tickets/{}", trashed[0])).await.status, 404);
        assert_eq!(client.get("/recycleBin").await.status, 204);
    }
}

#[tokio::test]
async fn the_history_of_both_tells_of_a_merge() {
    let client = Client::new(small()).await;
    let merged = client.sandbox.merge("tickets", 1).remove(0);
    let departed = client.sandbox.departed("tickets");
    let Leaving::Merged { into } = &of(&departed, &merged).leaving else { panic!("it was merged") };
    assert_eq!(client.get(&format!("/tickets/{merged}")).await.status, 404);
    for (id, name, other) in [(&merged, "TicketMergedChild", into), (into, "TicketMergedMaster", &merged)] {
        let events = client.get(&format!("/tickets/{id}/History?limit=100&from=1")).await.rows();
        let event = events.iter().find(|event| event["eventName"] == name).expect("the event");
        assert_eq!(event["eventInfo"][0]["propertyValue"]["id"], other.as_str());
    }
    client.sandbox.configure(|settings| settings.history_base = 0);
    let second = client.get(&format!("/tickets/{merged}/History?limit=100&from=1")).await.rows();
    assert_eq!(second[0]["eventName"], "TicketCreated", "the newest is number 0");
    client.sandbox.configure(|settings| settings.merged = Merged::NotFound);
    assert_eq!(client.get(&format!("/tickets/{merged}/History")).await.status, 404);
    client.sandbox.configure(|settings| settings.merged = Merged::Flagged);
    assert_eq!(client.get(&format!("/tickets/{merged}")).await.json()["isDeleted"], true);
    client.sandbox.configure(|settings| settings.merged = Merged::Winner);
    assert_eq!(client.get(&format!("/tickets/{merged}")).await.json()["id"], into.as_str());
}

#[tokio::test]
async fn a_search_shows_what_is_in_the_bin_or_merged_only_where_it_is_told_to() {
    for shows in [false, true] {
        let client = Client::new(Settings { trashed_in_search: shows, merged_in_search: shows, ..small() }).await;
        let gone = [client.sandbox.trash("tickets", 1), client.sandbox.merge("tickets", 1)].concat();
        let found = client.get(&format!("/tickets/search?id={}", gone.join(","))).await.rows();
        assert_eq!(found.len(), if shows { 2 } else { 0 });
        client.sandbox.purge_bin("tickets", 1);
        let found = client.get(&format!("/tickets/search?id={}", gone[0])).await.rows();
        assert!(found.is_empty());
    }
}

#[tokio::test]
async fn half_an_emoji_stands_in_a_name_wherever_it_is_told() {
    let client = Client::new(Settings { half_emojis: Some(1), ..small() }).await;
    let id = client.sandbox.records("tickets")[0]["id"].as_str().expect("an id").to_owned();
    let truth = client.sandbox.records("tickets")[0]["subject"].as_str().expect("a subject").to_owned();
    assert!(truth.starts_with('\u{fffd}'), "{truth}");
    let is_half = |text: &str| text.contains(r#":"\ud83d"#) && serde_json::from_str::<serde_json::Value>(text).is_err();
    assert!(is_half(&client.get(&format!("/tickets/search?id={id}")).await.text));
    assert!(is_half(&client.get(&format!("/tickets/{id}")).await.text));
    client.sandbox.trash("tickets", 10_000);
    assert!(is_half(&client.get("/recycleBin").await.text));
    assert!(is_half(&client.get(&format!("/tickets/{id}")).await.text));
}

#[tokio::test]
async fn the_archive_is_told_department_by_department() {
    let client = Client::new(small()).await;
    let archived = client.sandbox.archive("tickets", 4);
    let truth = client.sandbox.records("tickets");
    let mut seen = 0;
    for department in client.get("/departments?limit=200").await.ids() {
        let rows = client.get(&format!("/tickets/archivedTickets?departmentId={department}&limit=100")).await.rows();
        assert!(rows.iter().all(|row| row["isArchived"] == true && row["departmentId"] == department.as_str()));
        assert!(rows.iter().all(|row| row.get("modifiedTime").is_none()));
        seen += rows.len();
        client.sandbox.configure(|settings| settings.refused_departments = vec![department.clone()]);
        let refused = client.get(&format!("/tickets/archivedTickets?departmentId={department}")).await;
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN".to_owned()));
        client.sandbox.configure(|settings| settings.refused_departments.clear());
    }
    let all = truth.iter().filter(|row| row["isArchived"] == true).count();
    assert_eq!(seen, all);
    assert_eq!(client.get("/tickets/archivedTickets").await.status, 422);
    let found = |id: &String| format!("/tickets/search?id={id}");
    assert_eq!(client.get(&found(&archived[0])).await.rows().len(), 1);
    client.sandbox.configure(|settings| settings.archived_in_search = false);
    assert_eq!(client.get(&found(&archived[0])).await.status, 204);
    let left = client.get("/tickets/search?limit=1").await.json()["count"].as_u64();
    assert_eq!(left, Some((truth.len() - all) as u64));
}

#[tokio::test]
async fn a_move_changes_the_department_and_the_time() {
    let client = Client::new(small()).await;
    let before = client.sandbox.records("tasks");
    client.sandbox.advance(Duration::minutes(1));
    let moved = client.sandbox.move_department("tasks", 2);
    for (old, new) in before.iter().zip(client.sandbox.records("tasks")) {
        let is_moved = moved.contains(&text(old, "id"));
        assert_eq!(old["modifiedTime"] != new["modifiedTime"], is_moved);
    }
}
