//! Requests by hand: what is sent where, what is printed, and that the token goes to Zoho's servers only.

use std::collections::BTreeSet;

use desk_sandbox::Fault;
use serde_json::{Value, json};

use crate::support::discreet::{assert_told, told};
use crate::support::{Engine, House, Portal, Ran};

const CONTACT: &str = r#"contactinfo={"Contact Email": "ada@mail.example"}"#;

async fn start(tickets: usize) -> (Portal, House) {
    let portal = Portal::with_tickets(tickets).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    (portal, house)
}

async fn subscribe(house: &House, key: &str) -> Ran {
    let key = format!("listkey={key}");
    let call = ["api", "POST", "/json/listsubscribe", "--product", "campaigns"];
    house.run(&[&call[..], &["--query", "resfmt=JSON", "--query", &key, "--query", CONTACT]].concat()).await
}

fn ids(list: &Value) -> Vec<&str> {
    let rows = list["data"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_asked_below_the_root_and_an_address_as_it_is() {
    let (portal, house) = start(60).await;
    let whole = format!("{}/api/v1/tickets?limit=1", portal.server.url);
    let mut answers = BTreeSet::new();
    for path in ["/tickets?limit=1", "tickets?limit=1", "/api/v1/tickets?limit=1", &whole] {
        let ran = house.run(&["api", "get", path]).await.exits(0);
        assert_eq!((ids(&ran.json()).len(), ran.stderr.as_str()), (1, ""), "{path}");
        answers.insert(ran.stdout);
    }
    let ran = house.run(&["api", "GET", "/tickets", "--query", "limit=1"]).await.exits(0);
    answers.insert(ran.stdout);
    assert_eq!(answers.len(), 1, "they are one and the same request");
    for request in portal.api_requests() {
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/api/v1/tickets", "limit=1"));
        assert_eq!(request.org_id.as_deref(), Some("600000001"), "Desk wants to know the portal");
    }
    assert_eq!(portal.sandbox.token_requests(), 1, "one token serves all");
    // An address in a parameter is none of ours.
    portal.sandbox.clear_requests();
    house.run(&["api", "GET", "/tickets/search?subject=https://a.example/%26&limit=1"]).await.exits(0);
    assert_eq!(portal.api_requests()[0].query, "subject=https://a.example/&&limit=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_credits_are_printed_when_asked_for() {
    let (_portal, house) = start(60).await;
    let ran = house.run(&["api", "GET", "/departments?limit=1", "-i"]).await.exits(0);
    let (head, body) = ran.stdout.split_once("\n\n").expect("a head and a body");
    assert_eq!(head, "HTTP 200 OK\nx-rate-limit-request-weight-v3: 3\nx-rate-limit-remaining-v3: 999997");
    assert_eq!(ids(&serde_json::from_str(body).expect("JSON")).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_to_the_servers_of_the_table_only() {
    let (portal, mut house) = start(60).await;
    let other_port = "http://127.0.0.1:1/api/v1/tickets";
    let somebody = portal.server.url.replace("http://", "http://somebody@") + "/api/v1/tickets";
    for address in ["https://example.com/api/v1/tickets", "https://desk.zoho.com/api/v1/tickets", other_port, &somebody]
    {
        let ran = house.run(&["api", "GET", address]).await.exits(2);
        assert!(ran.stderr.contains("so that nothing was sent"), "{}", ran.stderr);
    }
    // Without overrides, the hosts of the data centre are the table.
    for name in ["DESK_URL", "PRODUCTS_URL"] {
        house.unset(&format!("DESKHOUSE_ZOHO__{name}"));
    }
    house.set("DESKHOUSE_ZOHO__DATA_CENTER", "eu");
    let mut all = String::new();
    for arguments in [
        &["https://desk.zoho.com/api/v1/tickets"][..],
        &["https://desk.zoho.eu.example.com/api/v1/tickets"],
        &["https://accounts.zoho.eu/oauth/v2/token"],
        &["https://desk.zoho.eu/api/v1/tickets", "--product", "crm"],
    ] {
        let ran = house.run(&[&["api", "GET"], arguments].concat()).await.exits(2);
        all.push_str(&format!("== {}\n{}", arguments.join(" "), told(&house, &ran)));
    }
    assert!(portal.sandbox.requests().is_empty(), "not even a token was asked for");
    assert_told!("foreign_hosts", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_product_takes_the_same_token_and_hears_of_no_portal() {
    let (portal, house) = start(60).await;
    let key = portal.sandbox.settings().list_key;
    let ran = subscribe(&house, &key).await.exits(0);
    assert_eq!(ran.json()["status"], "success");
    assert_eq!(portal.sandbox.subscribers(), [(key.clone(), "ada@mail.example".to_owned())]);
    let sent: Vec<_> = portal
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.path.contains("campaigns") || request.path.starts_with("/api/v1.1/"))
        .collect();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].path.as_str(), &sent[0].org_id), ("/api/v1.1/json/listsubscribe", &None));
    // A stale token is renewed for it as for Desk.
    portal.sandbox.expire_tokens();
    subscribe(&house, &key).await.exits(0);
    assert_eq!(portal.sandbox.token_requests(), 2);

    let mut all = String::new();
    let refused = subscribe(&house, "another").await.exits(1);
    all.push_str(&format!("== refused under status 200\n{}", told(&house, &refused)));
    portal.sandbox.configure(|settings| settings.scopes.retain(|scope| !scope.starts_with("ZohoCampaigns")));
    let ungranted = subscribe(&house, &key).await.exits(1);
    all.push_str(&format!("== without the scope\n{}", told(&house, &ungranted)));
    assert_eq!(portal.sandbox.subscribers().len(), 2);
    assert_told!("campaigns_refused", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_token_is_renewed_once() {
    let (portal, house) = start(60).await;
    portal.sandbox.fault("/api/v1/departments", [Fault::Unauthorized]);
    house.run(&["api", "GET", "/departments"]).await.exits(0);
    assert_eq!((portal.requests_for("/departments"), portal.sandbox.token_requests()), (2, 2));
    portal.sandbox.clear_requests();
    portal.sandbox.fault("/api/v1/departments", [Fault::Unauthorized, Fault::Unauthorized]);
    house.run(&["api", "GET", "/departments"]).await.exits(3);
    assert_eq!((portal.requests_for("/departments"), portal.sandbox.token_requests()), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_exit_code_and_zohos_own_words() {
    let (portal, house) = start(60).await;
    let status =
        |status: u16, body: &str| Fault::Status { status, body: body.into(), content_type: "application/json" };
    let mut all = String::new();
    for (title, code, arguments, faults) in [
        ("no such path", 1, &["GET", "/nothing"][..], vec![]),
        ("a parameter too many", 1, &["GET", "/tickets?sortOrder=asc"], vec![]),
        ("a method that is not allowed", 1, &["DELETE", "/departments"], vec![]),
        ("no scope", 1, &["GET", "/tickets"], vec![Fault::Scope]),
        ("an error without a code", 1, &["GET", "/tickets"], vec![status(400, r#"{"message":"m"}"#)]),
        ("an error under status 200", 1, &["GET", "/tickets"], vec![Fault::ErrorUnder200("INVALID_DATA".into())]),
        ("server trouble", 1, &["GET", "/tickets"], vec![Fault::Html(503); 3]),
        ("server trouble while writing", 1, &["PATCH", "/tickets/1", "--data", "{}"], vec![Fault::Html(503)]),
        ("a redirect", 3, &["GET", "/tickets"], vec![Fault::Redirect("http://127.0.0.1:9/elsewhere".into())]),
        ("no credits", 5, &["GET", "/tickets", "-i"], vec![Fault::Threshold]),
    ] {
        let sent = faults.len().max(1);
        portal.sandbox.clear_requests();
        portal.sandbox.fault("/api/v1", faults);
        let ran = house.run(&[&["api"], arguments].concat()).await.exits(code);
        assert_eq!(portal.api_requests().len(), sent, "{title}");
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
    }
    assert_told!("api_refused", all.replace(&portal.sandbox.settings().org_id, "[org]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_said_before_anything_is_sent() {
    let (portal, house) = start(60).await;
    std::fs::write(house.file("torn.json"), "{\"subject\": \"quillfeather").expect("a file");
    let mut all = String::new();
    for arguments in [
        &["FETCH", "/tickets"][..],
        &["GET", "/tickets", "--product", "dsk"],
        &["GET", "/tickets", "--query", "limit"],
        &["GET", "/tickets", "--data", "{}"],
        &["POST", "/tickets", "--data", "subject=x"],
        &["POST", "/tickets", "--data", "@torn.json"],
        &["POST", "/tickets", "--data", "@nowhere.json"],
        &["POST", "/tickets", "--paginate"],
        &["GET", "/Leads", "--product", "crm", "--paginate"],
        &["GET", "https://[::1/x"],
    ] {
        let ran = house.run(&[&["api"], arguments].concat()).await.exits(2);
        all.push_str(&format!("== {}\n{}", arguments.join(" "), told(&house, &ran)));
    }
    assert!(portal.sandbox.requests().is_empty());
    assert_told!("api_not_understood", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_comes_from_the_argument_a_file_or_standard_input() {
    let (portal, house) = start(60).await;
    let contact = portal.sandbox.records("contacts")[0]["id"].clone();
    let department = house.run(&["api", "GET", "/departments"]).await.exits(0).json()["data"][0]["id"].clone();
    let ticket =
        |subject: &str| json!({"subject": subject, "departmentId": department, "contactId": contact}).to_string();
    let post = async |data: &str| house.run(&["api", "POST", "/tickets", "--data", data]).await.exits(0).json();
    assert_eq!(post(&ticket("typed")).await["subject"], "typed");
    std::fs::write(house.file("ticket.json"), ticket("filed")).expect("a file");
    assert_eq!(post("@ticket.json").await["subject"], "filed");
    let script = "exec \"$0\" api POST /tickets --data - < ticket.json";
    let piped = house.run_behind(&["sh", "-c", script], &[]).await.exits(0).json();
    assert_eq!(piped["subject"], "filed");
    assert_eq!(portal.sandbox.records("tickets").len(), 63);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_to_its_end_whether_it_counts_from_0_or_from_1() {
    let (portal, house) = start(230).await;
    for module in ["articles", "tickets"] {
        let path = format!("/{module}");
        let list = house.run(&["api", "GET", &path, "--paginate"]).await.exits(0).json();
        let read = ids(&list);
        let distinct: BTreeSet<_> = read.iter().copied().collect();
        assert_eq!(read.len(), distinct.len(), "{module}: no row comes twice");
        let records = portal.sandbox.records(module);
        // The list of tickets leaves archived ones out.
        let live = records.iter().filter(|record| record["isArchived"] != true);
        let there: BTreeSet<_> = live.map(|record| record["id"].as_str().expect("an id")).collect();
        assert_eq!(distinct, there, "{module}");
    }
    // From where the reader says, in steps that the reader says.
    portal.sandbox.clear_requests();
    let list = house.run(&["api", "GET", "/agents?from=2&limit=4", "--paginate"]).await.exits(0).json();
    assert_eq!(ids(&list).len(), 10);
    let asked: Vec<_> = portal.api_requests().iter().map(|request| request.query.clone()).collect();
    assert_eq!(asked, ["limit=4&from=2", "limit=4&from=6", "limit=4&from=10", "limit=4&from=12"]);
    let nothing = house.run(&["api", "GET", "/agents?from=50", "--paginate"]).await.exits(0).json();
    assert_eq!(nothing, json!({"data": []}));
    // A list that takes fewer rows says how many.
    portal.sandbox.clear_requests();
    let narrow = r#"{"errorCode":"UNPROCESSABLE_ENTITY","message":"The value passed for field 'limit' exceeds the range of '1-5'."}"#;
    portal.sandbox.fault(
        "/api/v1/agents",
        [Fault::Status { status: 422, body: narrow.into(), content_type: "application/json" }],
    );
    assert_eq!(ids(&house.run(&["api", "GET", "/agents", "--paginate"]).await.exits(0).json()).len(), 12);
    let asked: Vec<_> = portal.api_requests().iter().map(|request| request.query.clone()).collect();
    assert_eq!(asked, ["limit=50", "limit=5", "limit=5&from=5", "limit=5&from=10", "limit=5&from=12"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_ends_before_its_time_is_no_document() {
    let (portal, house) = start(230).await;
    portal
        .sandbox
        .fault("/api/v1/tickets", [Fault::Pass, Fault::Pass, Fault::Html(500), Fault::Html(500), Fault::Html(500)]);
    let ran = house.run(&["api", "GET", "/tickets", "--paginate"]).await.exits(1);
    assert_eq!(ran.stdout.matches("\"ticketNumber\"").count(), 100, "two pages are there");
    assert!(serde_json::from_str::<Value>(&ran.stdout).is_err(), "and nobody takes them for all");
    let id = portal.sandbox.records("tickets")[0]["id"].as_str().expect("an id").to_owned();
    let one = house.run(&["api", "GET", &format!("/tickets/{id}"), "--paginate"]).await.exits(1);
    assert_eq!(one.stdout, "", "{}", one.stderr);
    let page = portal.sandbox.records("articles")[..2].to_vec();
    let page = Fault::Status { status: 200, body: json!({"data": page}).to_string(), content_type: "application/json" };
    portal.sandbox.fault("/api/v1/articles", vec![page; 2]);
    let same = house.run(&["api", "GET", "/articles", "--paginate"]).await.exits(2);
    assert!(same.stderr.contains("gives the same rows whatever page is asked for"), "{}", same.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_seen_enough_pays_for_no_more_pages() {
    let (portal, house) = start(5_000).await;
    let script = "\"$0\" api GET /tickets --paginate | head -c 20";
    let ran = house.run_behind(&["sh", "-c", script], &[]).await.exits(0);
    assert!(ran.stdout.starts_with("{\"data\":["), "{}", ran.stdout);
    let pages = portal.sandbox.records("tickets").len() / 50;
    assert!(portal.requests_for("/tickets") < pages / 2, "{} of {pages} pages", portal.requests_for("/tickets"));
}
