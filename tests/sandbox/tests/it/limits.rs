//! Credits, concurrency, latency and the log.

use std::time::Duration;

use desk_sandbox::{Fault, Settings};

use crate::support::{Client, small};

#[tokio::test]
async fn credits_rise_with_depth() {
    let client = Client::new(Settings { from_cap: 200_000, ..small() }).await;
    let mut left = 1_000_000;
    for (path, weight) in [
        ("/myinfo", 1),
        ("/tickets/1", 1),
        ("/organizations", 3),
        ("/tickets/search?from=2000", 3),
        ("/tickets/search?from=2001", 10),
        ("/articles?from=10000", 10),
        ("/articles?from=10001", 50),
        ("/contacts/search?from=100001", 100),
    ] {
        let reply = client.get(path).await;
        left -= weight;
        assert_eq!(reply.header("x-rate-limit-request-weight-v3"), Some(weight.to_string().as_str()), "{path}");
        assert_eq!(reply.header("x-rate-limit-remaining-v3"), Some(left.to_string().as_str()), "{path}");
    }
    assert_eq!(client.sandbox.credits_left(), left);
}

#[tokio::test]
async fn a_day_without_credits_ends_at_midnight() {
    let client = Client::new(Settings { daily_credits: 7, ..small() }).await;
    assert_eq!(client.get("/departments").await.status, 200);
    assert_eq!(client.get("/departments").await.status, 200);
    let reply = client.get("/departments").await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "THRESHOLD_EXCEEDED"));
    assert_eq!(reply.header("retry-after"), Some("43200"));
    assert_eq!(client.get("/myinfo").await.header("x-rate-limit-remaining-v3"), Some("0"));
    client.sandbox.advance(chrono::Duration::hours(12));
    let mut client = client;
    client.token = client.refresh().await;
    assert_eq!(client.get("/departments").await.header("x-rate-limit-remaining-v3"), Some("4"));
}

#[tokio::test(start_paused = true)]
async fn one_request_too_many_in_flight_is_refused() {
    let client = Client::new(Settings { latency: Duration::from_millis(50), concurrency: 2, ..small() }).await;
    let (one, two, three) =
        tokio::join!(client.get("/departments"), client.get("/departments"), client.get("/departments"));
    assert_eq!([one.status, two.status, three.status], [200, 200, 429]);
    assert_eq!(three.code(), "TOO_MANY_REQUESTS");
    assert_eq!(three.message(), "The maximum number of Concurrent API Calls that can be made has been exceeded.");
    assert!(three.header("retry-after").is_none());
    assert_eq!(client.sandbox.peak_in_flight(), 3);
    assert_eq!(client.get("/departments").await.status, 200);
    let in_flight: Vec<u32> = client.sandbox.requests().iter().map(|request| request.in_flight).collect();
    assert_eq!(in_flight, [0, 1, 2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn one_request_too_many_in_a_second_is_refused() {
    let client = Client::new(Settings { requests_per_second: Some(2), ..small() }).await;
    let mut statuses = Vec::new();
    for pause in [0, 0, 0, 400, 600] {
        tokio::time::advance(Duration::from_millis(pause)).await;
        statuses.push(client.get("/departments").await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429, 200]);
}

#[tokio::test(start_paused = true)]
async fn latency_varies_around_its_middle() {
    let middle = Duration::from_millis(100);
    let client = Client::new(Settings { latency: middle, latency_jitter: Duration::from_millis(40), ..small() }).await;
    let mut waits = Vec::new();
    for _ in 0..30 {
        let start = tokio::time::Instant::now();
        client.get("/myinfo").await;
        waits.push(start.elapsed());
    }
    assert!(
        waits.iter().all(|wait| (Duration::from_millis(60)..=Duration::from_millis(142)).contains(wait)),
        "{waits:?}"
    );
    assert!(waits.iter().any(|wait| *wait < middle) && waits.iter().any(|wait| *wait > middle));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_given_up_is_no_longer_in_flight() {
    let client = Client::new(small()).await;
    client.sandbox.fault("/api/v1/myinfo", [Fault::Stall(Duration::from_secs(60))]);
    assert!(tokio::time::timeout(Duration::from_secs(1), client.get("/myinfo")).await.is_err());
    assert_eq!(client.sandbox.requests().last().map(|request| request.status), Some(0));
    client.get("/myinfo").await;
    assert_eq!(client.sandbox.requests().last().map(|request| (request.status, request.in_flight)), Some((200, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_waited_for_until_it_arrives() {
    let client = Client::new(Settings { latency: Duration::from_secs(1), ..small() }).await;
    client.sandbox.clear_requests();
    let sandbox = client.sandbox.clone();
    let second = tokio::spawn(async move {
        sandbox.wait_for_requests(2).await;
        let log = sandbox.requests();
        log.iter().map(|request| request.status).collect::<Vec<_>>()
    });
    client.get("/myinfo").await;
    assert!(!second.is_finished());
    client.get("/departments").await;
    // The second had arrived and was not answered.
    assert_eq!(second.await.expect("the waiter ends"), [200, 0]);
    client.sandbox.clear_requests();
    let wait = tokio::time::timeout(Duration::from_secs(60), client.sandbox.wait_for_requests(1));
    assert!(wait.await.is_err());
}

#[tokio::test]
async fn the_log_tells_what_was_asked() {
    let client = Client::new(small()).await;
    client.sandbox.clear_requests();
    client.get("/tickets/search?from=20&subject=late%20parcel").await;
    client.get("/nothing").await;
    let log = client.sandbox.requests();
    assert_eq!((log[0].method.as_str(), log[0].path.as_str()), ("GET", "/api/v1/tickets/search"));
    assert_eq!(log[0].query, "from=20&subject=late parcel");
    assert_eq!((log[0].status, log[0].credits, log[0].depth), (204, 3, 20));
    assert_eq!(log[0].at, client.sandbox.now());
    assert_eq!((log[1].status, log.len()), (404, 2));
    client.sandbox.clear_requests();
    assert!(client.sandbox.requests().is_empty());
}
