//! What is believed of an answer from the browser, and what is not.

use super::*;

/// Without a path, since one that is added would be another address to Zoho.
const REDIRECT: &str = "http://localhost:8478";

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

fn authorization(accounts_url: &str, pkce: bool) -> Authorization {
    let scopes = ["Desk.tickets.READ", "Desk.basic.READ"].map(str::to_owned);
    Authorization::new(&Asked {
        accounts_url: &url(accounts_url),
        data_center: DataCenter::Eu,
        client_id: "1000.CLIENT",
        redirect_uri: REDIRECT,
        scopes: &scopes,
        pkce,
    })
}

fn in_europe() -> Authorization {
    authorization("https://accounts.zoho.eu/", false)
}

/// An answer to it, with the right state.
fn answer(authorization: &Authorization, rest: &str) -> String {
    format!("state={}&{rest}", authorization.state.expose())
}

fn pairs(url: &Url) -> Vec<(String, String)> {
    url.query_pairs().into_owned().collect()
}

#[test]
fn the_address_asks_for_a_token_that_lasts() {
    let authorization = in_europe();
    let address = authorization.url();
    assert_eq!(address.as_str().split('?').next(), Some("https://accounts.zoho.eu/oauth/v2/auth"));
    let expected = [
        ("response_type", "code"),
        ("client_id", "1000.CLIENT"),
        ("redirect_uri", REDIRECT),
        ("scope", "Desk.tickets.READ,Desk.basic.READ"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("state", authorization.state.expose()),
    ];
    assert_eq!(pairs(address), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_ne!(authorization.state, in_europe().state);
}

#[test]
fn the_challenge_is_that_of_the_standard() {
    // RFC 7636, appendix B.
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").expect("text");
    assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let bound = authorization("https://accounts.zoho.eu/", true);
    let (code, _) = bound.read(&answer(&bound, "code=1000.a.b")).expect("a code");
    let sent = pairs(bound.url());
    let challenged = sent.iter().find(|(name, _)| name == "code_challenge").map(|(_, value)| value.clone());
    assert_eq!(challenged, code.verifier.as_ref().map(challenge));
    assert_eq!(in_europe().read("").map(drop).expect_err("nothing").to_string(), LoginError::OtherState.to_string());
}

#[test]
fn a_code_is_taken_with_the_right_state_only() {
    let authorization = in_europe();
    let state = authorization.state.expose();
    let (code, center) = authorization.read(&answer(&authorization, "code=1000.a.b")).expect("a code");
    assert_eq!((code.secret.expose(), center), ("1000.a.b", None));
    assert_eq!(code.redirect_uri.as_deref(), Some(REDIRECT));
    for query in [
        "code=1000.a.b".to_owned(),
        "state=&code=1000.a.b".to_owned(),
        format!("state={}&code=1000.a.b", &state[1..]),
        format!("state={}&code=1000.a.b", in_europe().state.expose()),
        format!("state={state}&state={state}&code=1000.a.b"),
        format!("state={state}&state=x&code=1000.a.b"),
        "error=access_denied".to_owned(),
    ] {
        assert!(matches!(authorization.read(&query), Err(LoginError::OtherState)), "{query}");
    }
    for rest in ["", "code=", "code=a&code=b"] {
        assert!(matches!(authorization.read(&answer(&authorization, rest)), Err(LoginError::NoCode)), "{rest}");
    }
}

#[test]
fn the_client_secret_goes_to_the_servers_of_the_table_only() {
    let authorization = in_europe();
    let read = |rest: &str| authorization.read(&answer(&authorization, &format!("code=c&{rest}"))).map(|read| read.1);
    for center in DataCenter::ALL {
        let server = center.accounts_url();
        let server = server.as_str().trim_end_matches('/');
        assert_eq!(read(&format!("accounts-server={server}")).expect("one of Zoho's"), Some(center));
        assert_eq!(read(&format!("location={}&accounts-server={server}", center.code())).expect("both"), Some(center));
        assert_eq!(read(&format!("location={}", center.code())).expect("a location"), Some(center));
    }
    for rest in [
        "accounts-server=https://accounts.zoho.eu.example.com",
        "accounts-server=https://accounts.zoho.eu@example.com",
        "accounts-server=https://desk.zoho.eu",
        "accounts-server=https://evil.zoho.eu",
        "accounts-server=http://accounts.zoho.eu",
        "accounts-server=https://accounts.zoho.eu:8443",
        "accounts-server=accounts.zoho.eu",
        "accounts-server=",
        "accounts-server=https://accounts.zoho.eu&accounts-server=https://example.com",
        "location=mars",
        "location=us&accounts-server=https://accounts.zoho.eu",
    ] {
        assert!(matches!(read(rest), Err(LoginError::ForeignServer)), "{rest}");
    }
}

#[test]
fn a_server_that_was_configured_is_the_only_one() {
    let authorization = authorization("http://127.0.0.1:8477/", false);
    let read = |rest: &str| authorization.read(&answer(&authorization, &format!("code=c&{rest}"))).map(|read| read.1);
    assert_eq!(read("location=us&accounts-server=http://127.0.0.1:8477").expect("its own"), None);
    assert_eq!(read("location=us").expect("no server"), None);
    for server in ["https://accounts.zoho.eu", "http://127.0.0.1:8478", "https://127.0.0.1:8477", "nowhere"] {
        assert!(matches!(read(&format!("accounts-server={server}")), Err(LoginError::ForeignServer)), "{server}");
    }
}

#[test]
fn a_refusal_is_told_without_what_else_the_answer_says() {
    let authorization = in_europe();
    let refused = |code: &str| {
        let error = authorization.read(&answer(&authorization, &format!("error={code}"))).expect_err("refused");
        error.to_string()
    };
    assert_eq!(refused("access_denied"), "the consent was refused (access_denied)");
    assert_eq!(refused("<script>alert(1)</script>"), "the consent was refused (unknown reason)");
}

#[test]
fn a_pasted_address_is_read_like_an_answer() {
    let authorization = in_europe();
    let paste = |text: &str| authorization.read_pasted(&Secret::new(text).expect("text"));
    let whole = format!("{REDIRECT}?{}", answer(&authorization, "code=1000.a.b&location=us"));
    let (code, center) = paste(&whole).expect("a code");
    assert_eq!((code.secret.expose(), center), ("1000.a.b", Some(DataCenter::Us)));
    for text in ["1000.a.b", "http://localhost:8478/", "not an address"] {
        assert!(matches!(paste(text), Err(LoginError::NoCode)), "{text}");
    }
}
