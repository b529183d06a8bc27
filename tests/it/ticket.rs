//! Opening tickets: what is sent, what is refused, and that a ticket is never opened twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chrono::Utc;
use desk_sandbox::{Fault, Settings};
use deskhouse::auth::{self, Cache, Credentials, Tokens};
use deskhouse::clock::Clock;
use deskhouse::config::{DESK, DataCenter, Reserve, Secret, Servers};
use deskhouse::http::{self as asking, Client, Patience, Request};
use deskhouse::transport::{Error, Transport};
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::support::discreet::{assert_told, told};
use crate::support::{Engine, House, Portal, Ran};

async fn start() -> (Portal, House) {
    let portal = Portal::with_tickets(60).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    (portal, house)
}

/// Opens a ticket for a contact that is there, with further arguments.
async fn open(portal: &Portal, house: &House, more: &[&str]) -> Ran {
    let contact = portal.sandbox.records("contacts")[2]["id"].as_str().expect("an id").to_owned();
    let call = ["ticket", "create", "--subject", "A lamp is broken", "--contact-id", &contact];
    house.run(&[&call[..], more].concat()).await
}

/// The tickets of that subject.
fn opened(portal: &Portal, subject: &str) -> Vec<Value> {
    portal.sandbox.records("tickets").into_iter().filter(|ticket| ticket["subject"] == subject).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_opened_and_named() {
    let (portal, house) = start().await;
    std::fs::write(house.file("mail.txt"), "It went out.\nTwice.").expect("a file");
    let department = house.run(&["api", "GET", "/departments"]).await.exits(0).json()["data"][1].clone();
    let name = department["name"].as_str().expect("a name").to_uppercase();
    let ran = open(
        &portal,
        &house,
        &[
            "--department",
            &name,
            "--description",
            "@mail.txt",
            "--priority",
            "High",
            "--due",
            "2026-12-24T17:00:00+01:00",
            "--field",
            "cf_region=North",
            "--field",
            "cf_order=7",
            "--field",
            "channel=Phone",
        ],
    )
    .await
    .exits(0);
    let [ticket] = opened(&portal, "A lamp is broken").try_into().expect("one ticket");
    let text = |name: &str| ticket[name].as_str().expect("a text").to_owned();
    assert_eq!(
        ran.stdout,
        format!("ticket {}\nid     {}\nurl    {}\n", text("ticketNumber"), text("id"), text("webUrl"))
    );
    assert_eq!(ticket["departmentId"], department["id"]);
    assert_eq!((text("description").as_str(), text("priority").as_str()), ("It went out.\nTwice.", "High"));
    assert_eq!((text("dueDate").as_str(), text("channel").as_str()), ("2026-12-24T16:00:00.000Z", "Phone"));
    assert_eq!(ticket["cf"], serde_json::json!({"cf_region": "North", "cf_order": "7"}));
    // What was opened is read like any other ticket.
    house.sync().await;
    crate::support::compare::assert_same(&portal, &house.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_a_document_can_say_the_same() {
    let (portal, house) = start().await;
    let contacts = portal.sandbox.records("contacts");
    let known = contacts.iter().find(|contact| contact["email"].is_string()).expect("a contact with an address");
    let department = house.run(&["api", "GET", "/departments"]).await.exits(0).json()["data"][0]["id"].clone();
    let department = department.as_str().expect("an id");
    let call = ["ticket", "create", "--department", department];
    let email = known["email"].as_str().expect("an address");
    house.run(&[&call[..], &["--subject", "known", "--email", email]].concat()).await.exits(0);
    house.run(&[&call[..], &["--subject", "new", "--email", "new@mail.example"]].concat()).await.exits(0);
    assert_eq!(opened(&portal, "known")[0]["contactId"], known["id"]);
    assert_eq!(portal.sandbox.records("contacts").len(), contacts.len() + 1);

    let document = serde_json::json!({"subject": "from a file", "departmentId": department, "contactId": known["id"],
        "priority": "Low", "cf": {"cf_region": "South"}});
    std::fs::write(house.file("ticket.json"), document.to_string()).expect("a file");
    let call = ["ticket", "create", "--json", "@ticket.json", "--priority", "High", "--field", "cf_gift=true"];
    house.run(&call).await.exits(0);
    let ticket = opened(&portal, "from a file").remove(0);
    assert_eq!(ticket["priority"], "High", "flags win");
    assert_eq!(ticket["cf"], serde_json::json!({"cf_region": "South", "cf_gift": "true"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_says_what_to_do() {
    let (portal, house) = start().await;
    let mut all = String::new();
    let mut tell = |title: &str, ran: &Ran| all.push_str(&format!("== {title}\n{}", told(&house, ran)));
    tell("nothing given", &house.run(&["ticket", "create"]).await.exits(2));
    tell("both", &open(&portal, &house, &["--email", "a@b.example"]).await.exits(2));
    tell("no time", &open(&portal, &house, &["--department", "1", "--due", "tomorrow"]).await.exits(2));
    tell("no object", &open(&portal, &house, &["--json", "[]"]).await.exits(2));
    assert!(portal.sandbox.requests().is_empty(), "all of that was said before anything was sent");
    tell("unknown department", &open(&portal, &house, &["--department", "Lamps"]).await.exits(2));
    let somewhere = portal.sandbox.records("tickets")[0]["departmentId"].as_str().expect("an id").to_owned();
    let call = ["ticket", "create", "--subject", "A lamp is broken", "--department", &somewhere];
    tell("unknown contact", &house.run(&[&call[..], &["--contact-id", "1"]].concat()).await.exits(1));
    tell("invalid department", &open(&portal, &house, &["--department", "1"]).await.exits(1));
    portal.sandbox.configure(|settings| settings.agent = 1);
    let departments = house.run(&["api", "GET", "/departments"]).await.exits(0).json()["data"].clone();
    let elsewhere = departments[3]["id"].as_str().expect("an id").to_owned();
    tell("another department", &open(&portal, &house, &["--department", &elsewhere]).await.exits(1));
    portal.sandbox.configure(|settings| settings.scopes.retain(|scope| scope != "Desk.tickets.CREATE"));
    tell("no scope", &open(&portal, &house, &["--department", &elsewhere]).await.exits(1));
    portal
        .sandbox
        .configure(|settings| settings.scopes.retain(|scope| !scope.contains("basic") && !scope.contains("settings")));
    tell("no scope to look", &open(&portal, &house, &["--department", "Support"]).await.exits(2));
    portal.sandbox.revoke();
    tell("revoked", &open(&portal, &house, &["--department", &elsewhere]).await.exits(3));
    assert!(opened(&portal, "A lamp is broken").is_empty());
    assert_told!("ticket_refused", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_sent_again_only_where_it_was_surely_not_opened() {
    let (portal, house) = start().await;
    let department = house.run(&["api", "GET", "/departments"]).await.exits(0).json()["data"][0]["id"].clone();
    let department = department.as_str().expect("an id");
    let sent = || portal.api_requests().iter().filter(|request| request.method == "POST").count();
    for (fault, code, requests, tickets) in [
        (Fault::Unauthorized, 0, 2, 1),
        (Fault::Concurrency, 0, 2, 1),
        // The answer is lost: the ticket is there, or it is not.
        (Fault::Cut, 1, 1, 1),
        (Fault::Drop, 1, 1, 0),
        (Fault::Html(504), 1, 1, 0),
        (Fault::Threshold, 5, 1, 0),
    ] {
        let before = opened(&portal, "A lamp is broken").len();
        portal.sandbox.clear_requests();
        portal.sandbox.fault("/api/v1/tickets", [fault.clone()]);
        let ran = open(&portal, &house, &["--department", department]).await.exits(code);
        assert_eq!(sent(), requests, "{fault:?}");
        assert_eq!(opened(&portal, "A lamp is broken").len() - before, tickets, "{fault:?}");
        if matches!(fault, Fault::Cut | Fault::Drop) {
            // What the hint says to type finds the ticket, if there is one.
            let (_, command) = ran.stderr.split_once("deskhouse ").expect("a command");
            let found = house.run_behind(&["sh", "-c", &format!("exec \"$0\" {command}")], &[]).await.exits(0);
            assert_eq!(found.json()["data"][0]["subject"] == "A lamp is broken", tickets == 1 || before > 0);
            assert_told!(format!("ticket_lost_{fault:?}"), told(&house, &ran));
        }
    }
    // An answer that is whole and names no ticket.
    let vague = Fault::Status { status: 200, body: "{}".into(), content_type: "application/json" };
    portal.sandbox.fault("/api/v1/tickets", [vague]);
    let ran = open(&portal, &house, &["--department", department]).await.exits(1);
    assert!(ran.stderr.contains("the ticket may exist"), "{}", ran.stderr);
}

/// Answers token requests and nothing else, as a network does that swallows answers.
struct Silent {
    sent: AtomicUsize,
}

impl Transport for Silent {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, Error>> {
        Box::pin(std::future::ready(if request.uri().path().starts_with("/oauth/") {
            Ok(http::Response::new(Bytes::from_static(br#"{"access_token":"x","expires_in":3600}"#)))
        } else {
            self.sent.fetch_add(1, Ordering::SeqCst);
            Err(Error::Timeout)
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_that_passes_is_no_reason_to_send_again_what_writes() {
    let silent = Arc::new(Silent { sent: AtomicUsize::new(0) });
    let transport: Arc<dyn Transport> = Arc::<Silent>::clone(&silent);
    let url = url::Url::parse("https://desk.invalid").expect("a URL");
    let secret = || Secret::new("x").expect("a secret");
    let client = auth::Client { id: "x".into(), secret: secret() };
    let credentials = Credentials { client, grant: auth::Grant::RefreshToken(secret()) };
    let clock = Clock::new(Utc::now);
    let tokens = Tokens::new(Arc::clone(&transport), url.clone(), credentials, Cache::memory(), clock.clone());
    let settings = asking::Settings {
        servers: Servers::at(DataCenter::Us, url),
        org_id: None,
        concurrency: 8,
        requests_per_second: None,
        reserve: Reserve::Credits(0),
        daily_credits: None,
        priority: deskhouse::http::Priority::Main,
        patience: Patience { tries: 4 },
        random: rand::random,
    };
    let client = Client::new(transport, tokens, clock, settings);
    let post = Request::to(&DESK, http::Method::POST, DESK.path("/tickets"), "ticket");
    let reply = client.send(&post).await;
    assert!(matches!(reply.outcome, Err(asking::Error::Uncertain { .. })), "{:?}", reply.outcome);
    assert_eq!(silent.sent.load(Ordering::SeqCst), 1);
    let reply = client.send(&Request::new("tickets", "/tickets")).await;
    assert!(matches!(reply.outcome, Err(asking::Error::Spent { tries: 4, .. })), "{:?}", reply.outcome);
    assert_eq!(silent.sent.load(Ordering::SeqCst), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_no_connection_is_made() {
    let portal = Portal::start(Settings { tickets: 60, ..Settings::default() }).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    let closed = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        format!("http://{}", listener.local_addr().expect("its address"))
    };
    house.set("DESKHOUSE_ZOHO__DESK_URL", closed);
    let ran = open(&portal, &house, &["--department", "1"]).await.exits(1);
    assert!(ran.stderr.contains("failed after 3 tries") && ran.stderr.contains("no connection"), "{}", ran.stderr);
}
