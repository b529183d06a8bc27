//! Every kind of answer that was seen, and such as nobody should send.

use proptest::prelude::*;

use super::*;

fn classified(status: u16, body: &str) -> Result<Answer, Failure> {
    let response = ::http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes()));
    page(&response.expect("a response"), "data", Some(3))
}

fn failed(status: u16, body: &str) -> Failure {
    classified(status, body).expect_err("a failure")
}

#[test]
fn a_page_gives_its_records_and_their_count() {
    let answer = classified(200, r#"{"data":[{"id":"1"},{"id":"2"}],"count":"17","more":{}}"#).expect("an answer");
    assert_eq!(answer.records.len(), 2);
    assert_eq!(answer.count, Some(17));
}

#[test]
fn a_page_of_more_than_twice_what_was_asked_for_is_none() {
    let of = |records: usize| format!(r#"{{"data":[{}]}}"#, vec!["7"; records].join(","));
    assert_eq!(classified(200, &of(6)).expect("a server may be generous").records.len(), 6);
    assert_eq!(failed(200, &of(10_000)), Failure::Oversized { expected: 3, found: 10_000 });
    let response = ::http::Response::builder().status(200).body(Bytes::from(of(10_001))).expect("a response");
    assert!(matches!(page(&response, "data", None), Err(Failure::Oversized { expected: 5_000, found: 10_001 })));
}

#[test]
fn a_refusal_is_read_up_to_its_first_mebibyte() {
    let long = |more: usize| format!(r#"{{"errorCode":"FORBIDDEN","more":"{}"}}"#, "7".repeat(more));
    let code = |body: &str| match failed(403, body) {
        Failure::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    };
    assert_eq!([code(&long(1_000_000)), code(&long(2_000_000))], ["FORBIDDEN", ""]);
}

#[test]
fn an_empty_answer_is_an_empty_page() {
    assert!(classified(204, "").expect("an answer").records.is_empty());
    assert!(classified(200, r#"{"data":[]}"#).expect("an answer").records.is_empty());
}

#[test]
fn records_stand_under_the_name_of_the_path_or_under_data() {
    for body in [r#"{"teams":[{"id":"1"}]}"#, r#"{"data":[{"id":"1"}]}"#] {
        let response = ::http::Response::builder().status(200).body(Bytes::from_static(body.as_bytes()));
        let answer = page(&response.expect("a response"), "teams", None).expect("an answer");
        assert_eq!(answer.records.len(), 1, "{body}");
    }
    assert_eq!(failed(200, r#"{"teams":[{"id":"1"}]}"#), Failure::Transient(Cause::NoList));
}

#[test]
fn a_page_that_is_no_json_or_cut_short_is_transient() {
    for body in ["<!doctype html><p>hello", "", r#"{"data":[{"id":"1"},{"id":"#, "[]"] {
        assert_eq!(failed(200, body), Failure::Transient(Cause::NotJson), "{body}");
    }
}

#[test]
fn a_body_with_a_broken_byte_is_still_a_page() {
    let response = ::http::Response::builder().status(200).body(Bytes::from_static(b"{\"data\":[{\"id\":\"a\xff\"}]}"));
    assert_eq!(page(&response.expect("a response"), "data", None).expect("an answer").records.len(), 1);
}

#[test]
fn an_error_under_status_200_is_an_error() {
    assert_eq!(failed(200, r#"{"errorCode":"THRESHOLD_EXCEEDED","message":"m"}"#), Failure::CreditsGone(None));
    assert_eq!(failed(200, r#"{"errorCode":"INVALID_OAUTH"}"#), Failure::Unauthorized);
    assert!(matches!(failed(200, r#"{"errorCode":"SCOPE_MISMATCH"}"#), Failure::Refused(_)));
}

#[test]
fn the_two_kinds_of_429_are_told_apart() {
    assert_eq!(failed(429, r#"{"errorCode":"THRESHOLD_EXCEEDED"}"#), Failure::CreditsGone(None));
    assert_eq!(failed(429, r#"{"errorCode":"TOO_MANY_REQUESTS"}"#), Failure::Concurrency);
    assert_eq!(failed(429, "slow down"), Failure::Concurrency);
}

#[test]
fn what_a_422_teaches_is_read_from_its_text() {
    let problem = |message: &str| match failed(
        422,
        &serde_json::json!({"errorCode": "UNPROCESSABLE_ENTITY", "message": message}).to_string(),
    ) {
        Failure::Refused(refusal) => refusal.problem,
        other => panic!("not refused: {other:?}"),
    };
    let range = |field: &str, largest| Problem::Range { field: field.into(), largest };
    assert_eq!(problem("The value passed for field 'limit' exceeds the range of '1-50'."), range("limit", 50));
    assert_eq!(problem("The value passed for field 'from' exceeds the range of '0-4999'."), range("from", 4999));
    assert_eq!(problem("Max search result iterable is 5000"), Problem::Depth(5000));
    assert_eq!(problem("Extra query parameter 'sortOrder' is present in the input."), Problem::Other);
}

#[test]
fn a_code_that_does_not_look_like_one_is_not_repeated() {
    match failed(400, r#"{"errorCode":"jane@example.com is unknown"}"#) {
        Failure::Refused(refusal) => assert_eq!(refusal.code, ""),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn refusals_of_other_products_are_known_too() {
    let judged = |status: u16, body: &str| {
        let response = ::http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes()));
        match anything(&response.expect("a response")) {
            Err(Failure::Refused(Refusal { code, .. })) => Some(code),
            Err(other) => panic!("not a refusal: {other:?}"),
            Ok(()) => None,
        }
    };
    let refused = |code: &str| Some(code.to_owned());
    assert_eq!(judged(200, r#"{"message":"No such list.","status":"error","code":"2501"}"#), refused("2501"));
    assert_eq!(judged(200, r#"{"message":"Subscribed.","status":"success","code":"0"}"#), None);
    assert_eq!(judged(401, r#"{"code":"OAUTH_SCOPE_MISMATCH","status":"error"}"#), refused("OAUTH_SCOPE_MISMATCH"));
    assert_eq!(judged(400, r#"{"code":57,"message":"m"}"#), refused("57"));
    // A record whose status is called so is no refusal, and neither is what is no JSON.
    assert_eq!(judged(200, r#"{"id":"1","status":"error","subject":"s"}"#), None);
    assert_eq!(judged(200, "a,b\n1,2"), None);
}

#[test]
fn fields_that_are_not_taken_are_named_without_what_was_sent() {
    let body = r#"{"errorCode":"INVALID_DATA","message":"m","errors":[
        {"fieldName":"/contactId","errorType":"missing","errorMessage":"jane@example.com"},
        {"fieldName":"/cf/cf_region","errorType":"invalid"},
        {"fieldName":"jane@example.com","errorType":"invalid"},
        {"fieldName":"/email"}]}"#;
    match failed(422, body) {
        Failure::Refused(Refusal { fields, .. }) => {
            assert_eq!(fields, ["`/contactId` is missing", "`/cf/cf_region` is invalid"]);
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// Answers that were seen, and such as nobody should send; whatever is done to one is tried on all.
const CORPUS: [&str; 12] = [
    r#"{"data":[{"id":"1","cf":{"a":[1,2]}},{"id":"2"}],"count":"17","more":{}}"#,
    r#"{"data":[]}"#,
    r#"{"data":null,"count":-1}"#,
    r#"{"data":[[[[[[[[{"id":{"id":{}}}]]]]]]]]}"#,
    r#"{"data":[1,"two",null,true],"count":1e99}"#,
    r#"{"errorCode":"UNPROCESSABLE_ENTITY","message":"The value passed for field 'limit' exceeds the range of '1-40'."}"#,
    r#"{"errorCode":"UNPROCESSABLE_ENTITY","message":"Max search result iterable is 99999999999999999999"}"#,
    r#"{"errorCode":"THRESHOLD_EXCEEDED","message":""}"#,
    r#"{"errorCode":{"deep":["er"]},"message":17,"errors":[{"fieldName":"a","errorType":"b"}]}"#,
    r#"{"status":"error","code":"2502","message":"No such list."}"#,
    "<html><body>Bad Gateway</body></html>",
    "\u{feff}{\"data\":[{\"id\":\"\\ud800\\u0000\"}]}",
];

proptest! {
    /// Whatever comes is read or refused, and never more than that.
    #[test]
    fn any_answer_is_classified(
        status in 100u16..600, seed in 0..CORPUS.len(), at in 0usize..200, put in any::<Vec<u8>>(), drop in 0usize..40,
        header in "[ -~]{0,40}",
    ) {
        let mut body = CORPUS[seed].as_bytes().to_vec();
        let at = at.min(body.len());
        let end = (at + drop).min(body.len());
        body.splice(at..end, put);
        let response = ::http::Response::builder().status(status).header("retry-after", &header).header("date", &header);
        let response = response.body(Bytes::from(body)).expect("a response");
        let _ = (page(&response, "data", None), anything(&response), is_crowded(&response), date(&response));
    }

    /// A page that was cut off is never taken for a shorter one.
    #[test]
    fn no_part_of_a_page_is_a_page(seed in 0usize..5, share in 0usize..100) {
        let whole = CORPUS[seed];
        let part = whole.get(..whole.len() * share / 100).expect("nothing but ASCII");
        prop_assert!(classified(200, part).is_err(), "{part}");
    }
}
