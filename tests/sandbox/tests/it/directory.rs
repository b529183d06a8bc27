//! The short lists of the portal itself.

use serde_json::{Value, json};

use crate::support::{Client, small, text};

#[tokio::test]
async fn short_lists_count_from_where_the_vendor_says_or_the_settings() {
    let client = Client::new(small()).await;
    // From 0, under a name of its own, and all at once without a limit.
    let all = client.get("/teams").await.json()["teams"].as_array().expect("teams").clone();
    assert_eq!(all, client.sandbox.list("teams"));
    assert_eq!(client.get("/teams?from=1&limit=2").await.json()["teams"], json!(all[1..3]));
    // From 1.
    let shelves = client.sandbox.list("kbRootCategories");
    assert_eq!(client.get("/kbRootCategories?from=2&limit=1").await.rows(), shelves[1..2]);
    assert_eq!(client.get("/kbRootCategories?from=0").await.status, 422);
    // From wherever it is told to.
    let hours = client.sandbox.list("businessHours");
    for base in [0, 1] {
        client.sandbox.configure(|settings| settings.list_base = base);
        assert_eq!(client.get(&format!("/businessHours?from={}", base + 1)).await.rows(), hours[1..]);
    }
    assert_eq!(client.get("/agents?from=12").await.status, 204);
    assert!(client.get("/agents?limit=201").await.message().contains("'0-200'"));
    client.sandbox.configure(|settings| settings.list_cap = 5);
    assert_eq!(client.get("/agents?limit=200").await.rows().len(), 5);
}

#[tokio::test]
async fn lists_of_a_module_want_its_name_and_whole_lists_take_no_limit() {
    let client = Client::new(small()).await;
    assert_eq!(client.get("/fields").await.status, 422);
    assert_eq!(client.get("/fields?module=plants").await.status, 422);
    let fields = client.get("/fields?module=tickets").await.rows();
    assert!(!fields.is_empty() && fields != client.get("/fields?module=contacts").await.rows());
    assert_eq!(client.get("/fields?module=tickets&limit=10").await.status, 422);
    assert_eq!(client.get("/channels?from=1").await.status, 422);
    assert_eq!(client.get("/channels").await.rows()[0]["code"], "EMAIL");
}

#[tokio::test]
async fn holidays_are_shown_by_a_single_list_only() {
    let client = Client::new(small()).await;
    let row = client.get("/holidayList").await.rows().remove(0);
    assert!(row.get("holidays").is_none());
    let whole = client.get(&format!("/holidayList/{}", text(&row, "id"))).await;
    assert_eq!((whole.status, &whole.json()["holidays"][0]["from"]), (200, &json!("01-01")));
    assert_eq!(client.get("/holidayList/1").await.status, 404);
}

#[tokio::test]
async fn a_short_list_can_be_changed_and_a_feature_be_missing() {
    let client = Client::new(small()).await;
    let first = client.sandbox.list("departments").remove(0);
    client.sandbox.take_from_list("departments", &text(&first, "id"));
    let mut other = first.clone();
    other["id"] = json!("7");
    client.sandbox.put_in_list("departments", "", other.clone());
    let rows = client.get("/departments?limit=200").await.rows();
    assert!(!rows.contains(&first) && rows.last() == Some(&other));
    client.sandbox.configure(|settings| settings.missing_features = vec!["departments".into()]);
    let refused = client.get("/departments").await;
    assert_eq!((refused.status, &refused.json()["errorCode"]), (403, &Value::from("LICENSE_ACCESS_LIMITED")));
}
