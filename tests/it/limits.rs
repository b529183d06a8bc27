//! Limits: requests at a time and in a second, credits and their reserve, what a refusal teaches; and the books.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use desk_sandbox::{Fault, Settings};
use deskhouse::auth::{self, Cache, Credentials, Tokens};
use deskhouse::clock::Clock;
use deskhouse::config::{DataCenter, Reserve, Secret, Servers};
use deskhouse::http::{self, Client, Patience, Request};
use deskhouse::transport::{self, Transport};
use futures_util::future::{BoxFuture, join_all};
use tokio::time::Instant;

use crate::support::discreet::{assert_told, told};
use crate::support::{Engine, House, Portal, compare, house};

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_are_in_flight_than_configured() {
    for most in [1, 3] {
        // Answers take so long that the evenly spaced requests of four resources have to meet.
        let latency = Duration::from_millis(120);
        let portal = Portal::start(Settings { tickets: 600, latency, ..Settings::default() }).await;
        let mut house = House::new(&portal, Engine::Sqlite).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", most.to_string());
        house.sync().await;
        assert_eq!(portal.sandbox.peak_in_flight(), most, "as many as allowed, and no more");
        compare::assert_same(&portal, &house.database).await;
    }
}

/// Answers every request at once with an empty list, and notes when it was sent.
#[derive(Default)]
struct Empty {
    sent: Mutex<Vec<Instant>>,
}

impl Transport for Empty {
    fn send(
        &self,
        request: ::http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<::http::Response<Bytes>, transport::Error>> {
        let is_token = request.uri().path() == "/oauth/v2/token";
        if !is_token {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        }
        let body = if is_token { r#"{"access_token":"1000.a","expires_in":3600}"# } else { r#"{"data":[]}"# };
        Box::pin(std::future::ready(Ok(::http::Response::new(Bytes::from(body)))))
    }
}

#[tokio::test(start_paused = true)]
async fn no_second_holds_more_requests_than_configured() {
    const RATE: usize = 10;
    let transport = Arc::new(Empty::default());
    let shared: Arc<dyn Transport> = Arc::<Empty>::clone(&transport);
    let url = url::Url::parse("https://desk.invalid").expect("a URL");
    let secret = || Secret::new("x").expect("a secret");
    let client = auth::Client { id: "x".into(), secret: secret() };
    let credentials = Credentials { client, grant: auth::Grant::RefreshToken(secret()) };
    let clock = Clock::new(Utc::now);
    let tokens = Tokens::new(Arc::clone(&shared), url.clone(), credentials, Cache::memory(), clock.clone());
    let settings = http::Settings {
        servers: Servers::at(DataCenter::Us, url),
        org_id: None,
        concurrency: 8,
        requests_per_second: Some(RATE as u32),
        reserve: Reserve::Credits(0),
        daily_credits: None,
        priority: deskhouse::http::Priority::Main,
        patience: Patience { tries: 1 },
        random: rand::random,
    };
    let client = Client::new(shared, tokens, clock, settings);
    let request = Request::new("tickets", "/tickets/search");
    let answers = join_all((0..5 * RATE).map(|_| client.get(&request))).await;
    assert!(answers.iter().all(Result::is_ok));
    let sent = transport.sent.lock().unwrap_or_else(PoisonError::into_inner);
    for (number, first) in sent.iter().enumerate() {
        let in_second = sent[number..].iter().take_while(|later| **later - *first < Duration::from_secs(1)).count();
        assert!(in_second <= RATE, "{in_second} requests within the second that begins with request {number}");
    }
    let seconds = (sent[sent.len() - 1] - sent[0]).as_secs_f64();
    assert!(seconds < 5.5, "50 requests at 10 a second took {seconds} s");
}

/// A sum of one column of the ledger.
async fn booked(house: &House, sql: &str) -> u64 {
    house.database.number(sql).await.try_into().expect("not negative")
}

/// What the sandbox charged since its log was cleared, for all paths that begin so.
fn charged(portal: &Portal, prefix: &str) -> u64 {
    portal
        .sandbox
        .requests()
        .iter()
        .filter(|request| request.path.starts_with(prefix))
        .map(|request| request.credits)
        .sum()
}

/// The books of a house hold what the portal charged, in all and by resource.
async fn assert_books(portal: &Portal, house: &House) {
    let all = "select coalesce(sum(credits), 0) from {t}deskhouse_runs";
    assert_eq!(booked(house, all).await, charged(portal, ""), "credits of all runs");
    let requests = "select coalesce(sum(requests), 0) from {t}deskhouse_runs";
    assert_eq!(booked(house, requests).await, portal.api_requests().len() as u64, "requests of all runs");
    for (resource, path) in [
        ("tickets", "/tickets/search"),
        ("contacts", "/contacts/search"),
        ("tasks", "/tasks/search"),
        ("accounts", "/accounts/search"),
        ("calls", "/calls/search"),
        ("events", "/events/search"),
        ("products", "/products/search"),
        ("articles", "/articles"),
    ] {
        let sum = |column| {
            format!("select coalesce(sum({column}), 0) from {{t}}deskhouse_run_resources where resource = '{resource}'")
        };
        assert_eq!(
            booked(house, &sum("credits")).await,
            charged(portal, &format!("/api/v1{path}")),
            "credits of {resource}"
        );
        assert_eq!(booked(house, &sum("requests")).await, portal.requests_for(path) as u64, "requests of {resource}");
    }
}

/// The time that a hint names.
#[track_caller]
fn time_of(hint: &str) -> DateTime<Utc> {
    let (_, rest) = hint.split_once("after ").unwrap_or_else(|| panic!("no time in {hint}"));
    let time = rest.get(..16).unwrap_or_default();
    NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M").unwrap_or_else(|error| panic!("{error} in {hint}")).and_utc()
}

/// Credits of a day; the whole history costs a little more.
const DAILY: u64 = 150;

/// Reads a portal day by day, each day up to the reserve, and holds the days together to what one day would have cost.
async fn stops_at(engine: Engine, reserve: &str, credits_kept: u64) {
    let settings = Settings { tickets: 3_000, ..Settings::default() };
    let whole = Portal::start(settings.clone()).await;
    let at_once = House::new(&whole, Engine::Sqlite).await.sync().await;

    let portal = Portal::start(Settings { daily_credits: DAILY, ..settings }).await;
    let mut house = House::new(&portal, engine).await;
    house.set("DESKHOUSE_LIMITS__CREDIT_RESERVE", reserve);
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
    let mut days = 1;
    loop {
        let ran = house.run(&["-q", "sync"]).await;
        assert_books(&portal, &house).await;
        if ran.code == 0 {
            break;
        }
        let ran = ran.exits(5);
        // No request was sent that would have cut into the reserve.
        let left = portal.sandbox.credits_left();
        // What was deleted is looked for with two percent in hand.
        assert!(
            left >= credits_kept && left < credits_kept + DAILY / 50 + 3,
            "day {days} ended with {left} credits, {credits_kept} are reserved"
        );
        assert!(
            portal.api_requests().iter().all(|request| request.status != 429),
            "the portal was never asked for more"
        );
        // Once more on the same day: the first answer tells that there is nothing to spend.
        let before = portal.api_requests().len();
        house.run(&["-q", "sync"]).await.exits(5);
        assert!(portal.api_requests().len() <= before + 1, "a run on a spent day costs one request");
        let turn = time_of(&ran.stderr);
        assert_eq!(
            turn,
            DataCenter::Us.credit_day_end(portal.sandbox.now()),
            "the hint names the end of the credit day"
        );
        if days == 1 {
            let talk =
                told(&house, &ran).lines().skip_while(|line| *line != "-- stderr").collect::<Vec<_>>().join("\n");
            // How far which resource came is a matter of whose turn it was.
            let unfinished = talk.find(" of 8 resources").expect("the number of resources that are unfinished");
            let talk = format!("{}[some]{}", &talk[..unfinished - 1], &talk[unfinished..]);
            assert_told!(format!("credit_reserve_{}", reserve.replace('%', "_percent")), talk);
        }
        portal.sandbox.advance(turn - portal.sandbox.now());
        days += 1;
        assert!(days < 10, "no end");
    }
    assert!(days > 1, "the reserve was met");
    compare::assert_same(&portal, &house.database).await;
    // Nothing is repeated: a day costs its greeting, the page it was stopped at, and the new range of each resource.
    let requests = portal.api_requests().len() as u64;
    let whole_requests = at_once["requests"].as_u64().expect("a number");
    let of_a_day = 2 + 2 * compare::ALL.len() as u64;
    assert!(
        requests <= whole_requests + days * of_a_day,
        "{requests} requests in {days} days, {whole_requests} at once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserve_in_credits_is_left_alone_and_the_next_day_goes_on() {
    stops_at(Engine::Sqlite, "60", 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserve_in_percent_is_left_alone_and_the_next_day_goes_on() {
    // A share of what the first answer of the day says is left: the daily credits less what it cost.
    stops_at(Engine::Postgres, "20%", (DAILY - 3) * 20 / 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_others_use_up_end_the_run_wherever_it_is() {
    for under in [Fault::Threshold, Fault::ErrorUnder200("THRESHOLD_EXCEEDED".into())] {
        let portal = Portal::with_tickets(600).await;
        let mut house = House::new(&portal, Engine::Sqlite).await;
        house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
        portal.sandbox.fault("/api/v1/tickets/search", [Fault::Pass, Fault::Pass, under.clone()]);
        let ran = house.run(&["-q", "sync"]).await.exits(5);
        assert!(ran.stderr.contains("hint: run the same command after "), "{}", ran.stderr);
        let tickets = portal.requests_for("/tickets/search");
        assert_eq!(tickets, 3, "it is not tried again");
        assert!(house.database.number("select count(*) from {t}tickets").await > 0, "what was read has landed");
        let summary = house.sync().await;
        assert_eq!(house::of(&summary, "tickets")["open_windows"], 0);
        compare::assert_same(&portal, &house.database).await;
        assert_books(&portal, &house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_are_gone_at_the_first_request_end_the_run_the_same_way() {
    let portal = Portal::start(Settings { tickets: 50, daily_credits: 2, ..Settings::default() }).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    let ran = house.run(&["-q", "sync"]).await.exits(5);
    assert_told!("credits_gone", told(&house, &ran));
    assert_eq!(portal.api_requests().len(), 1);
    // The sandbox's day turns at midnight UTC, and its `Retry-After` says so.
    assert_eq!(time_of(&ran.stderr).to_rfc3339(), "2026-06-16T00:00:00+00:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_limit_is_learnt_from_the_refusal() {
    let portal = Portal::with_tickets(600).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.set("DESKHOUSE_LIMITS__CONCURRENCY", "1");
    let body = r#"{"errorCode":"UNPROCESSABLE_ENTITY","message":"The value passed for field 'limit' exceeds the range of '1-40'."}"#;
    portal.sandbox.fault(
        "/api/v1/tickets/search",
        [Fault::Status { status: 422, body: body.into(), content_type: "application/json" }],
    );
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
    let requests = portal.api_requests();
    let mut tickets = requests.iter().filter(|request| request.path == "/api/v1/tickets/search");
    assert!(tickets.next().is_some_and(|request| request.query.contains("limit=100")));
    // Whether the archive is shown is asked for by ids, of which there are few.
    assert!(
        tickets.all(|request| {
            ["limit=40", "limit=1&", "id="].iter().any(|part| format!("{}&", request.query).contains(part))
        }),
        "it holds for all that follows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cap_on_offsets_is_learnt_once() {
    // Two instants with more records than one query reaches.
    let settings = Settings { tickets: 6_000, mass_edits: vec![1_200, 1_300], from_cap: 999, ..Settings::default() };
    let portal = Portal::start(settings).await;
    let house = House::new(&portal, Engine::Sqlite).await;
    house.sync().await;
    compare::assert_same(&portal, &house.database).await;
    let refused = portal.api_requests().iter().filter(|request| request.status == 422).count();
    assert_eq!(refused, 1, "a refusal costs a request, so what it teaches is kept");
    assert!(portal.api_requests().iter().all(|request| request.depth <= 1_000));
}
