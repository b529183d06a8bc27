//! What can be written: tickets, and subscriptions to a mailing list of Campaigns.

use axum::body::Body;
use axum::http::Request;
use desk_sandbox::Settings;
use serde_json::{Value, json};

use crate::support::{Client, Reply, small, text};

async fn post(client: &Client, path: &str, body: String) -> Reply {
    let request = Request::post(path).header("authorization", format!("Zoho-oauthtoken {}", client.token));
    client.send(request.body(Body::from(body)).expect("a request")).await
}

async fn open(client: &Client, ticket: &Value) -> Reply {
    post(client, "/api/v1/tickets", ticket.to_string()).await
}

/// Fields that were refused, each with its reason.
fn refused(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!((reply.status, reply.code().as_str()), (422, "INVALID_DATA"));
    let errors = reply.json()["errors"].as_array().expect("errors").clone();
    errors.iter().map(|error| (text(error, "fieldName"), text(error, "errorType"))).collect()
}

#[tokio::test]
async fn a_ticket_that_is_opened_is_a_ticket_like_the_others() {
    let client = Client::new(small()).await;
    let department = client.get("/departments").await.ids().remove(1);
    let contact = client.sandbox.records("contacts").remove(3);
    let given = json!({"subject": "A lamp is broken", "departmentId": department, "contactId": contact["id"],
        "priority": "High", "dueDate": "2026-06-20T10:00:00.000Z", "cf": {"cf_region": "North"}});
    let reply = open(&client, &given).await;
    assert_eq!((reply.status, reply.header("x-rate-limit-request-weight-v3")), (200, Some("1")));
    let ticket = reply.json();
    assert_eq!(text(&ticket, "ticketNumber"), "901");
    assert!(text(&ticket, "webUrl").ends_with(&text(&ticket, "id")));
    for name in ["subject", "departmentId", "contactId", "priority", "dueDate", "cf"] {
        assert_eq!(ticket[name], given[name], "{name}");
    }
    assert_eq!(client.get(&format!("/tickets/{}", text(&ticket, "id"))).await.json(), ticket);
    let found = client.get("/tickets/search?modifiedTimeRange=2026-06-15T12:00:00Z,2026-06-15T12:00:01Z").await.ids();
    assert!(found.contains(&text(&ticket, "id")));
    let next = open(&client, &given).await.json();
    assert_eq!(text(&next, "ticketNumber"), "902");
}

#[tokio::test]
async fn an_address_stands_for_its_contact_or_makes_one() {
    let client = Client::new(small()).await;
    let department = client.get("/departments").await.ids().remove(0);
    let contacts = client.sandbox.records("contacts");
    let known = contacts.iter().find(|contact| contact["email"].is_string()).expect("a contact with an address");
    let with = |email: &str| json!({"subject": "s", "departmentId": department, "contact": {"email": email}});
    let ticket = open(&client, &with(&text(known, "email"))).await.json();
    assert_eq!(ticket["contactId"], known["id"]);
    assert_eq!(client.sandbox.records("contacts").len(), contacts.len());
    let first = open(&client, &with("new@mail.example")).await.json();
    let second = open(&client, &with("new@mail.example")).await.json();
    assert_eq!(first["contactId"], second["contactId"]);
    assert_eq!(client.sandbox.records("contacts").len(), contacts.len() + 1);
}

#[tokio::test]
async fn a_ticket_that_lacks_something_is_refused_with_every_field() {
    let client = Client::new(small()).await;
    let before = client.sandbox.records("tickets").len();
    let pair = |field: &str, kind: &str| (field.to_owned(), kind.to_owned());
    assert_eq!(
        refused(&open(&client, &json!({})).await),
        [pair("/subject", "missing"), pair("/departmentId", "missing"), pair("/contactId", "missing")]
    );
    let wrong = json!({"subject": "x".repeat(256), "departmentId": "1", "contactId": "1", "dueDate": "tomorrow"});
    assert_eq!(
        refused(&open(&client, &wrong).await),
        ["/subject", "/departmentId", "/contactId", "/dueDate"].map(|field| pair(field, "invalid"))
    );
    assert_eq!(post(&client, "/api/v1/tickets", String::new()).await.code(), "EMPTY_PAYLOAD");
    assert_eq!(post(&client, "/api/v1/tickets", "[]".into()).await.code(), "UNPROCESSABLE_ENTITY");
    assert_eq!(post(&client, "/api/v1/departments", "{}".into()).await.code(), "METHOD_NOT_ALLOWED");

    let department = client.get("/departments").await.ids().remove(3);
    let elsewhere = json!({"subject": "s", "departmentId": department, "contact": {"lastName": "Kim"}});
    client.sandbox.configure(|settings| settings.agent = 1);
    assert_eq!(open(&client, &elsewhere).await.code(), "FORBIDDEN");
    client.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.tickets.CREATE"));
    assert_eq!(open(&client, &elsewhere).await.code(), "SCOPE_MISMATCH");
    assert_eq!(client.sandbox.records("tickets").len(), before);
}

#[tokio::test]
async fn the_agent_tells_role_profile_and_departments() {
    let client = Client::new(Settings { agent: 3, edition: "PROFESSIONAL".into(), ..small() }).await;
    let plain = client.get("/myinfo").await.json();
    assert_eq!(plain["rolePermissionType"], "AgentPublic");
    assert!(plain.get("role").is_none());
    let whole = client.get("/myinfo?include=role,profile,associatedDepartments").await.json();
    assert_eq!((&whole["role"]["name"], &whole["profile"]["name"]), (&"Agent".into(), &"Agent".into()));
    assert_eq!(whole["associatedDepartments"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.get("/organizations").await.rows()[0]["edition"], "PROFESSIONAL");
}

#[tokio::test]
async fn campaigns_takes_the_same_token_and_refuses_under_200() {
    let client = Client::new(small()).await;
    let contact = "%7B%22Contact%20Email%22%3A%22a%40mail.example%22%7D";
    let path = |rest: &str| format!("/api/v1.1/json/{rest}");
    let key = client.sandbox.settings().list_key;
    let subscribed =
        post(&client, &path(&format!("listsubscribe?listkey={key}&contactinfo={contact}")), String::new()).await;
    assert_eq!((subscribed.status, text(&subscribed.json(), "code").as_str()), (200, "0"));
    assert!(subscribed.header("x-rate-limit-remaining-v3").is_none());
    assert_eq!(client.sandbox.subscribers(), [(key.clone(), "a@mail.example".to_owned())]);
    for (rest, code) in [
        (format!("listsubscribe?listkey={key}"), "903"),
        (format!("listsubscribe?listkey=other&contactinfo={contact}"), "2206"),
        ("lists".to_owned(), "1004"),
    ] {
        let reply = post(&client, &path(&rest), String::new()).await;
        assert_eq!((reply.status, text(&reply.json(), "code").as_str()), (200, code), "{rest}");
    }
    client.sandbox.configure(|settings| settings.scopes.retain(|scope| !scope.starts_with("ZohoCampaigns")));
    let reply = post(&client, &path("listsubscribe"), String::new()).await;
    assert_eq!((reply.status, text(&reply.json(), "Code").as_str()), (401, "1007"));
    assert_eq!(client.sandbox.subscribers().len(), 1);
}
