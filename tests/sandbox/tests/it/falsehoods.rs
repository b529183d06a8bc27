//! Good answers that are not true, and pages that are too heavy.

use desk_sandbox::{Falsehood, Falsehoods, Settings};

use crate::support::{Client, small, text};

const PAGE: &str = "/tickets/search?limit=100&sortBy=modifiedTime";

#[tokio::test]
async fn each_question_is_answered_falsely_once_at_most() {
    for (how, rows) in
        [(Falsehood::NoContent, 0), (Falsehood::Empty, 0), (Falsehood::Short, 50), (Falsehood::Miscounted, 50)]
    {
        let falsehoods = Falsehoods { how, every: Some(2), ..Falsehoods::default() };
        let client = Client::new(Settings { falsehoods, ..small() }).await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let reply = client.get(PAGE).await;
            if rows > 0 {
                let is_lie = how == Falsehood::Miscounted && reply.rows().len() == 50;
                assert_eq!(reply.json()["count"], if is_lie { 50 } else { 800 }, "{how:?}");
            }
            seen.push(reply.rows().len());
        }
        assert_eq!(seen, [100, rows, 100, 100], "{how:?}");
    }
}

#[tokio::test]
async fn a_page_that_would_hold_a_hidden_record_is_false_for_ever() {
    let client = Client::new(small()).await;
    let rows = client.get(PAGE).await.rows();
    let falsehoods = Falsehoods { how: Falsehood::Short, at: vec![text(&rows[30], "id")], ..Falsehoods::default() };
    client.sandbox.configure(|settings| settings.falsehoods = falsehoods);
    for _ in 0..3 {
        assert_eq!(client.get(PAGE).await.rows(), rows[..30]);
    }
    assert_eq!(client.get(&format!("{PAGE}&from=31")).await.rows().len(), 100);
}

#[tokio::test]
async fn pages_can_be_cut_in_half_and_be_too_heavy() {
    let falsehoods = Falsehoods { halves: true, ..Falsehoods::default() };
    let client = Client::new(Settings { falsehoods, ..small() }).await;
    let reply = client.get(PAGE).await;
    assert_eq!((reply.rows().len(), reply.json()["count"].clone()), (50, 800.into()));
    client.sandbox.configure(|settings| settings.heaviest_page = 40);
    assert_eq!(client.get(PAGE).await.status, 504);
    client.sandbox.configure(|settings| settings.falsehoods.halves = false);
    assert_eq!(client.get("/tickets/search?limit=40").await.rows().len(), 40);
}
