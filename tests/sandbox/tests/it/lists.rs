//! The lists and the single records.

use std::collections::BTreeSet;

use axum::http::Method;

use crate::support::{Client, small, text};

#[tokio::test]
async fn articles_count_from_one() {
    let client = Client::new(small()).await;
    let truth = client.sandbox.records("articles");
    assert_eq!(truth.len(), 64);
    let mut rows = Vec::new();
    for from in [1, 51] {
        let reply = client.get(&format!("/articles?limit=50&sortBy=modifiedTime&from={from}")).await;
        assert!(reply.json().get("count").is_none());
        rows.extend(reply.rows());
    }
    assert!(rows.is_sorted_by_key(|row| text(row, "modifiedTime")));
    rows.sort_by_key(|row| text(row, "id"));
    assert_eq!(rows, truth);
    assert_eq!(client.get("/articles?from=65").await.status, 204);
    assert_eq!(client.get("/articles").await.rows().len(), 10);
    assert_eq!(client.get("/articles?from=0").await.status, 422);
    assert_eq!(
        client.get("/articles?limit=51").await.message(),
        "The value passed for field 'limit' exceeds the range of '1-50'."
    );
    let drafts = client.get("/articles?status=Draft,Review&limit=50").await.rows();
    assert!(drafts.iter().all(|row| row["status"] == "Draft" || row["status"] == "Review") && !drafts.is_empty());
}

#[tokio::test]
async fn the_list_of_tickets_tells_less_and_leaves_archived_ones_out() {
    let client = Client::new(small()).await;
    let mut ids = BTreeSet::new();
    for from in (0..800).step_by(100) {
        for row in client.get(&format!("/tickets?limit=100&sortBy=-createdTime&from={from}")).await.rows() {
            assert!(["modifiedTime", "description", "cf", "contact"].iter().all(|name| row.get(name).is_none()));
            assert!(row.get("channelCode").is_some());
            ids.insert(text(&row, "id"));
        }
    }
    let truth = client.sandbox.records("tickets");
    let live: BTreeSet<String> =
        truth.iter().filter(|row| row["isArchived"] == false).map(|row| text(row, "id")).collect();
    assert!(live.len() < truth.len());
    assert_eq!(ids, live);
    assert_eq!(
        client.get("/tickets?modifiedTimeRange=a").await.message(),
        "Extra query parameter 'modifiedTimeRange' is present in the input."
    );
    assert_eq!(client.get("/tickets?sortBy=-modifiedTime").await.status, 422);
    assert!(client.get("/tickets?from=5000").await.message().contains("'0-4999'"));
    assert_eq!(client.get("/tickets").await.rows().len(), 25);
    assert!(client.get("/tickets?include=contacts&limit=1").await.rows()[0]["contact"]["lastName"].is_string());
    let row = client.get("/tickets?fields=modifiedTime,cf&limit=1").await.rows().remove(0);
    assert!(row["modifiedTime"].is_string() && row["cf"].is_null() && row.get("subject").is_none(), "{row}");
    assert_eq!(client.get("/tickets?fields=isArchived").await.status, 500);
}

#[tokio::test]
async fn a_record_can_be_read_alone_until_it_is_gone() {
    let client = Client::new(small()).await;
    for module in ["tickets", "contacts", "tasks", "articles", "accounts", "calls", "events", "products"] {
        let row = client.sandbox.records(module).remove(3);
        let id = text(&row, "id");
        let alone = client.get(&format!("/{module}/{id}")).await.json();
        for name in ["id", "createdTime", "modifiedTime", "status", "subject", "title", "accountName", "productName"] {
            assert_eq!(alone.get(name), row.get(name), "{module} {name}");
        }
        let gone = client.sandbox.delete(module, 1).remove(0);
        let reply = client.get(&format!("/{module}/{gone}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "URL_NOT_FOUND"));
        assert!(client.sandbox.records(module).iter().all(|row| row["id"] != gone.as_str()));
    }
    let ticket = client
        .get(&format!("/tickets/{}?include=assignee", text(&client.sandbox.records("tickets")[0], "id")))
        .await
        .json();
    assert!(
        ticket.get("assignee").is_some()
            && ticket.get("contact").is_none()
            && ticket["layoutDetails"]["id"].is_string()
    );
}

#[tokio::test]
async fn alone_a_record_embeds_what_is_asked_for() {
    let client = Client::new(small()).await;
    let contact = text(&client.sandbox.records("contacts")[0], "id");
    let contact = client.get(&format!("/contacts/{contact}?include=owner")).await.json();
    assert!(contact.get("owner").is_some() && contact.get("account").is_none());
    assert_eq!(client.get("/tickets/1?include=everything").await.status, 422);
}

#[tokio::test]
async fn the_portal_describes_itself() {
    let client = Client::new(small()).await;
    assert_eq!(client.get("/organizations").await.rows()[0]["id"], "600000001");
    assert_eq!(client.get("/accessibleOrganizations").await.rows().len(), 1);
    assert_eq!(client.get("/departments").await.rows().len(), 5);
    assert_eq!(client.get("/departments?from=4&limit=200").await.rows().len(), 1);
    assert_eq!(client.get("/departments?from=5").await.status, 204);
    assert_eq!(client.get("/agents").await.rows().len(), 10);
    assert_eq!(client.get("/agents?limit=200").await.rows().len(), 12);
    assert!(client.get("/myinfo").await.json()["emailId"].is_string());
    let agents: BTreeSet<String> = client.get("/agents?limit=200").await.ids().into_iter().collect();
    let departments: BTreeSet<String> = client.get("/departments").await.ids().into_iter().collect();
    for row in client.sandbox.records("tickets") {
        assert!(departments.contains(&text(&row, "departmentId")));
        assert!(row["assigneeId"].is_null() || agents.contains(&text(&row, "assigneeId")));
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let client = Client::new(small()).await;
    for path in ["/nothing", "/tickets/1/nothing", "/articles/search", ""] {
        let reply = client.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "URL_NOT_FOUND"), "{path}");
    }
    let bearer = format!("Bearer {}", client.token);
    let reply = client.call(Method::POST, "/departments", &[("authorization", &bearer)]).await;
    assert_eq!((reply.status, reply.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
}
