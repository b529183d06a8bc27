//! Searches: paging, order, filters, bounds, lag, and what they refuse.

use std::collections::BTreeSet;

use chrono::Duration;
use desk_sandbox::{Bounds, Settings};
use serde_json::{Value, json};

use crate::support::{Client, small, text, time, widest_tie};

#[tokio::test]
async fn paging_gives_every_record_once_and_exactly_as_it_is() {
    let client = Client::new(small()).await;
    for module in ["tickets", "contacts", "tasks", "accounts", "calls", "events", "products"] {
        let truth = client.sandbox.records(module);
        let mut rows = Vec::new();
        loop {
            let reply =
                client.get(&format!("/{module}/search?limit=100&sortBy=modifiedTime&from={}", rows.len())).await;
            if reply.status == 204 {
                assert_eq!(reply.text, "");
                break;
            }
            assert_eq!(reply.json()["count"], truth.len());
            rows.extend(reply.rows());
        }
        rows.sort_by_key(|row| text(row, "id"));
        assert_eq!(rows, truth, "{module}");
    }
}

#[tokio::test]
async fn ties_are_ascending_by_id_in_both_directions() {
    let client = Client::new(small()).await;
    let (tie, count) = widest_tie(&client.sandbox.records("tickets"));
    assert_eq!(count, 150);
    let range = format!("modifiedTimeRange={tie},{tie}");
    for sort in ["modifiedTime", "-modifiedTime"] {
        let first = client.get(&format!("/tickets/search?{range}&sortBy={sort}&limit=100")).await;
        let second = client.get(&format!("/tickets/search?{range}&sortBy={sort}&limit=100&from=100")).await;
        assert_eq!(first.json()["count"], 150);
        let ids = [first.ids(), second.ids()].concat();
        assert_eq!(ids.len(), 150);
        assert!(ids.is_sorted(), "{sort}");
    }
    let all = client.get("/tickets/search?sortBy=-modifiedTime&limit=100&from=200").await.rows();
    assert!(all.windows(2).all(|pair| {
        let (one, two) = (text(&pair[0], "modifiedTime"), text(&pair[1], "modifiedTime"));
        one > two || (one == two && text(&pair[0], "id") < text(&pair[1], "id"))
    }));
}

#[tokio::test]
async fn both_bounds_of_a_range_follow_the_setting() {
    let client = Client::new(small()).await;
    let (tie, _) = widest_tie(&client.sandbox.records("tickets"));
    let second = Duration::seconds(1);
    let moment = tie.parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    let shown = |moment: chrono::DateTime<chrono::Utc>| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let count = async |from: &str, to: &str| {
        let reply = client.get(&format!("/tickets/search?modifiedTimeRange={from},{to}&limit=1")).await;
        if reply.status == 204 { 0 } else { reply.json()["count"].as_u64().expect("a count") }
    };
    let (before, after) = (shown(moment - second), shown(moment + second));
    assert_eq!(count(&tie, &tie).await, 150);
    assert!(count(&before, &tie).await >= 150);
    client.sandbox.configure(|settings| settings.bounds = Bounds::Exclusive);
    assert_eq!(count(&tie, &tie).await, 0);
    assert_eq!(count(&before, &tie).await, 0);
    assert_eq!(count(&tie, &after).await, 0);
    assert_eq!(count(&before, &after).await, 150);
}

#[tokio::test]
async fn filters_agree_with_the_rows() {
    let client = Client::new(small()).await;
    let truth = client.sandbox.records("tickets");
    let some = |name: &str| truth.iter().find_map(|row| row[name].as_str()).expect("somebody has it").to_owned();
    let long = "2022-01-01T00:00:00Z,2026-12-31T00:00:00.000Z";
    for name in
        ["departmentId", "assigneeId", "contactId", "status", "priority", "email", "channel", "category", "accountId"]
    {
        let wanted = some(name);
        for sort in ["relevance", "modifiedTime", "-createdTime"] {
            let path = format!(
                "/tickets/search?{name}={}&modifiedTimeRange={long}&sortBy={sort}&limit=100",
                wanted.replace(' ', "%20")
            );
            let reply = client.get(&path).await;
            let expected = truth.iter().filter(|row| row[name].as_str() == Some(&wanted)).count();
            assert_eq!(reply.json()["count"], expected, "{name} {wanted}");
            assert!(reply.rows().iter().all(|row| row[name].as_str() == Some(&wanted)));
        }
    }
    let ids: Vec<String> = truth.iter().step_by(97).map(|row| text(row, "id")).collect();
    assert_eq!(client.get(&format!("/tickets/search?limit=100&id={}", ids.join(","))).await.ids(), ids);
    let refunds = client.get("/tickets/search?subject=refund&limit=1").await.json()["count"].clone();
    let expected = truth.iter().filter(|row| text(row, "subject").to_lowercase().contains("refund")).count();
    assert_eq!(refunds, expected);
    let held = client.get("/tickets/search?status=$%7BONHOLD%7D&limit=1").await.json()["count"].clone();
    assert_eq!(held, truth.iter().filter(|row| row["statusType"] == "On Hold").count());
    let gifts = client.get("/tickets/search?customField1=cf_gift:true&limit=1").await.json()["count"].clone();
    assert_eq!(gifts, truth.iter().filter(|row| row["cf"]["cf_gift"] == true).count());
    assert_eq!(client.get("/tickets/search?tag=lamp").await.status, 204);
}

#[tokio::test]
async fn two_ranges_narrow_each_other() {
    let client = Client::new(small()).await;
    let (created, modified) =
        ("2023-01-01T00:00:00Z,2024-12-31T00:00:00Z", "2024-06-01T00:00:00Z,2025-12-31T00:00:00Z");
    let reply = client
        .get(&format!(
            "/tickets/search?createdTimeRange={created}&modifiedTimeRange={modified}&sortBy=createdTime&limit=100"
        ))
        .await;
    let within = |row: &Value, name: &str, range: &str| {
        let (from, to) = range.split_once(',').expect("a range");
        text(row, name).as_str() >= from && text(row, name).as_str() <= to
    };
    let truth = client.sandbox.records("tickets");
    let expected =
        truth.iter().filter(|row| within(row, "createdTime", created) && within(row, "modifiedTime", modified)).count();
    assert!(expected > 0);
    assert_eq!(reply.json()["count"], expected);
}

#[tokio::test]
async fn the_offset_has_a_floor_that_can_be_moved() {
    let client = Client::new(small()).await;
    assert_eq!(client.get("/tickets/search?from=4999&limit=1").await.status, 204);
    let reply = client.get("/tickets/search?from=5000&limit=1").await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "UNPROCESSABLE_ENTITY"));
    assert_eq!(reply.message(), "The value passed for field 'from' exceeds the range of '0-4999'.");
    assert_eq!(client.get("/tickets/search?from=4999").await.message(), "Max search result iterable is 5000");
    client.sandbox.configure(|settings| settings.from_cap = 999);
    assert_eq!(client.get("/tickets/search?from=900&limit=100").await.status, 204);
    assert_eq!(client.get("/tickets/search?from=901&limit=100").await.message(), "Max search result iterable is 1000");
    assert!(client.get("/tickets/search?from=1000").await.message().contains("'0-999'"));
}

#[tokio::test]
async fn whatever_is_unknown_or_out_of_range_fails_the_call() {
    let client = Client::new(small()).await;
    let moment = "2026-01-01T00:00:00Z";
    for (query, message) in [
        ("sortOrder=asc", "Extra query parameter 'sortOrder' is present in the input.".to_owned()),
        ("limit=101", "The value passed for field 'limit' exceeds the range of '1-100'.".to_owned()),
        ("limit=0", "The value passed for field 'limit' exceeds the range of '1-100'.".to_owned()),
        ("from=-1", "The value passed for field 'from' exceeds the range of '0-4999'.".to_owned()),
        ("from=x", "The value passed for the 'from' query parameter is invalid.".to_owned()),
        ("sortBy=threadCount", "The value passed for the 'sortBy' query parameter is invalid.".to_owned()),
        (
            "modifiedTimeRange=2026",
            "The value passed for the 'modifiedTimeRange' query parameter is invalid.".to_owned(),
        ),
        (
            "subject=ab",
            "The value passed for field 'subject' is less than the specified minimum length of '3'.".to_owned(),
        ),
    ] {
        let reply = client.get(&format!("/tickets/search?{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "UNPROCESSABLE_ENTITY"), "{query}");
        assert_eq!(reply.message(), message);
    }
    for range in ["2026-01-01T00:00:00%2B00:00", "2026-01-01T00:00:00", "2026-01-01T00:00:00.0000Z", "1767225600000"] {
        assert_eq!(
            client.get(&format!("/contacts/search?createdTimeRange={range},{moment}")).await.status,
            422,
            "{range}"
        );
    }
    assert_ne!(
        client.get(&format!("/contacts/search?createdTimeRange=2020-01-01T00:00:00.5Z,{moment}")).await.status,
        422
    );
    assert_eq!(client.get("/contacts/search?email=a@b.example").await.status, 422);
}

#[tokio::test]
async fn the_index_lags_and_the_lists_do_not() {
    let client = Client::new(Settings { index_lag: Duration::minutes(5), ..small() }).await;
    let before = client.sandbox.records("tickets");
    let old = |id: &str| before.iter().find(|row| row["id"] == id).expect("it was there").clone();
    client.sandbox.advance(Duration::minutes(1));
    let edited = client.sandbox.edit("tickets", 1).remove(0);
    let deleted = client.sandbox.delete("tickets", 20).into_iter().find(|id| *id != edited).expect("another one");
    let created = client.sandbox.create("tickets", 1).remove(0);

    let row = async |id: &str| client.get(&format!("/tickets/search?id={id}")).await.rows().first().cloned();
    let place = format!(
        "/tickets/search?modifiedTimeRange={0},{0}&sortBy=modifiedTime&limit=100",
        text(&old(&edited), "modifiedTime")
    );
    assert_eq!(row(&edited).await, Some(old(&edited)));
    assert!(client.get(&place).await.ids().contains(&edited));
    assert_eq!(row(&deleted).await, Some(old(&deleted)));
    assert_eq!(row(&created).await, None);
    assert_eq!(client.get(&format!("/tickets/{created}")).await.status, 200);
    assert_eq!(client.get(&format!("/tickets/{deleted}")).await.status, 404);

    client.sandbox.advance(Duration::minutes(5));
    let now = client.sandbox.records("tickets");
    assert_eq!(row(&edited).await.as_ref(), now.iter().find(|row| row["id"] == edited.as_str()));
    assert!(!client.get(&place).await.ids().contains(&edited));
    assert_eq!(row(&deleted).await, None);
    assert!(row(&created).await.is_some());
}

#[tokio::test]
async fn a_lag_holds_for_filtered_articles_only() {
    let client = Client::new(Settings { index_lag: Duration::minutes(5), ..small() }).await;
    client.sandbox.advance(Duration::minutes(1));
    let created = client.sandbox.create("articles", 1);
    let range = "modifiedTimeRange=2026-06-15T12:00:30Z,2026-06-16T00:00:00Z";
    assert_eq!(client.get(&format!("/articles?{range}")).await.status, 204);
    assert_eq!(client.get("/articles?sortBy=-createdTime&limit=1").await.ids(), created);
    client.sandbox.advance(Duration::minutes(5));
    assert_eq!(client.get(&format!("/articles?{range}")).await.ids(), created);
}

#[tokio::test]
async fn planted_records_are_shown_as_they_are() {
    let client = Client::new(small()).await;
    let hostile = json!({"id": "1", "modifiedTime": "2031-01-02T03:04:05.000Z", "departmentId": 7, "cf": {"cf_x": [null, 1.5e300]}});
    client.sandbox.put("tickets", hostile.clone());
    let raw = r#"{"id":"000abc","subject":"\ud800 \u0000","modifiedTime":"yesterday"}"#;
    let moment = "2031-01-02T03:04:06Z".parse().expect("a time");
    client.sandbox.put_raw("tickets", "000abc", moment, raw.to_owned());
    let reply = client
        .get("/tickets/search?modifiedTimeRange=2031-01-01T00:00:00Z,2032-01-01T00:00:00Z&sortBy=modifiedTime")
        .await;
    assert_eq!(reply.text, format!("{{\"data\":[{hostile},{raw}],\"count\":2}}"));
    assert_eq!(client.get("/tickets/1").await.json(), hostile);
    assert_eq!(client.get("/tickets/000abc").await.text, raw);
    assert_eq!(client.get("/tickets/search?departmentId=7").await.ids(), ["1"]);
    let records = client.sandbox.records("tickets");
    assert_eq!((records.len(), &records[0]), (802, &hostile));
    assert_eq!(records.last().and_then(Value::as_str), Some(raw));
}

#[tokio::test]
async fn what_is_edited_moves_to_now() {
    let client = Client::new(small()).await;
    client.sandbox.advance(Duration::minutes(30));
    let mut ids: BTreeSet<String> = client.sandbox.mass_edit("tickets", 130).into_iter().collect();
    ids.extend(client.sandbox.edit("tickets", 3));
    let now = client.sandbox.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let first =
        client.get(&format!("/tickets/search?modifiedTimeRange={now},{now}&sortBy=modifiedTime&limit=100")).await;
    assert_eq!(first.json()["count"], ids.len());
    let rows = first.rows();
    assert!(
        rows.iter().all(|row| time(row, "createdTime") < time(row, "modifiedTime") && ids.contains(&text(row, "id")))
    );
    let ages: BTreeSet<String> = rows.iter().map(|row| text(row, "createdTime")[..4].to_owned()).collect();
    assert!(ages.len() >= 4, "a mass edit reaches through the years: {ages:?}");
}

#[tokio::test]
async fn a_product_is_found_in_each_of_its_departments() {
    let client = Client::new(small()).await;
    let departments = client.get("/departments").await.rows();
    for department in departments.iter().map(|row| text(row, "id")) {
        let found = client.get(&format!("/products/search?departmentId={department}&limit=100")).await.rows();
        let offers = |row: &&Value| row["departmentIds"].as_array().is_some_and(|ids| ids.contains(&json!(department)));
        assert_eq!(found, client.sandbox.records("products").iter().filter(offers).cloned().collect::<Vec<_>>());
    }
}
