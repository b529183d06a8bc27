//! Signing in through the browser: the test is browser, person and whoever means ill.

use std::time::Duration;

use desk_sandbox::Fault;
use tokio::io::AsyncWriteExt;

use crate::support::browser::{self, Login, assert_private, decide, parameter, redirect_uri, with};
use crate::support::discreet::{assert_told, kept, told};
use crate::support::{Engine, House, Portal};

const TOKEN: &str = "/oauth/v2/token";

/// A house that has never been signed in, beside a portal, and the redirect URI of its client.
async fn beside() -> (Portal, House, String) {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.unset("ZOHO_REFRESH_TOKEN");
    // Whatever opens it, the test is the browser.
    house.set("BROWSER", "true");
    let uri = redirect_uri(&portal);
    (portal, house, uri)
}

fn token_requests(portal: &Portal) -> usize {
    portal.sandbox.requests().iter().filter(|request| request.path == TOKEN).count()
}

/// Nothing was traded, and nothing kept.
#[track_caller]
fn assert_nothing_kept(portal: &Portal, house: &House) {
    assert!(!house.file(".env").exists(), "something was kept");
    assert_eq!(portal.sandbox.refresh_tokens().len(), 1, "a refresh token was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_pastes_is_not_waited_for_any_longer() {
    let (portal, house, uri) = beside().await;
    let mut login = Login::start(&house, &["--redirect-uri", &uri, "--no-browser", "--timeout", "1s"]).await;
    // Held open until the end, as a terminal is.
    let _stdin = login.child.stdin.take().expect("a pipe");
    let ran = login.ended(&house).await.exits(1);
    assert!(ran.stderr.contains("error: no address was pasted within 1s\n\nhint: run the same"), "{}", ran.stderr);
    assert_eq!(token_requests(&portal), 0);
    assert_nothing_kept(&portal, &house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_in_the_browser_is_enough_to_sync() {
    let (portal, house, uri) = beside().await;
    std::fs::write(house.file(".env"), "# mine\nOTHER='a b'\n").expect("a file");
    let login = Login::start(&house, &["--redirect-uri", &uri]).await;
    assert_eq!(parameter(&login.url, "access_type"), "offline");
    assert_eq!(parameter(&login.url, "prompt"), "consent");
    let asked = parameter(&login.url, "scope");
    assert_eq!(
        asked,
        "Desk.contacts.READ,Desk.search.READ,Desk.products.READ,Desk.settings.READ,Desk.tickets.READ,Desk.tasks.READ,\
         Desk.activities.tasks.READ,Desk.calls.READ,Desk.activities.calls.READ,Desk.events.READ,Desk.activities.events.READ,\
         Desk.articles.READ,Desk.basic.READ"
    );
    let back = decide(&login.url, "accept").await;
    let page = browser::open(back.as_str()).await.expect("a page");
    assert_eq!(page.status(), 200);
    assert!(browser::text(&page).contains("You can close this window."), "{}", browser::text(&page));
    assert_eq!(page.headers()["cache-control"], "no-store");
    let ran = login.ended(&house).await.exits(0);
    assert!(ran.stderr.contains("signed in: portal 600000001 (Harbour & Lamp Ltd.)"), "{}", ran.stderr);

    let [_, token] = portal.sandbox.refresh_tokens().try_into().expect("the old one and a new one");
    assert_eq!(
        std::fs::read_to_string(house.file(".env")).expect("the file"),
        format!("# mine\nOTHER='a b'\nZOHO_REFRESH_TOKEN={token}\n")
    );
    assert_private(&house.file(".env"));
    house.sync().await;
    assert_eq!(token_requests(&portal), 1, "the access token that came with it was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_is_opened_with_the_address_and_nothing_else() {
    let (portal, mut house, uri) = beside().await;
    let pipe = house.file("opened");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let script = house.file("browser");
    std::fs::write(&script, "#!/bin/sh\nfor word in \"$@\"; do echo \"$word\"; done > opened\n").expect("a file");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    house.set("BROWSER", script.display().to_string());
    house.set("PATH", "/usr/bin:/bin");

    let mut login = Login::start(&house, &["--redirect-uri", &uri]).await;
    let opened = tokio::time::timeout(Duration::from_secs(60), tokio::fs::read_to_string(pipe)).await;
    assert_eq!(opened.expect("it is opened").expect("text"), format!("{}\n", login.url));
    // What every user of the machine can see of a command that waits.
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", login.child.id().expect("it runs")));
    let seen = format!("{} {}", arguments.expect("its arguments"), login.url);
    let settings = portal.sandbox.settings();
    assert!(!seen.contains(&settings.client_secret) && !seen.contains(&settings.refresh_token), "{seen}");
    login.child.start_kill().expect("it runs");
    login.ended(&house).await;
    assert_nothing_kept(&portal, &house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_consent_is_told_in_the_browser_and_in_the_terminal() {
    let (portal, house, uri) = beside().await;
    let login = Login::start(&house, &["--redirect-uri", &uri]).await;
    let back = decide(&login.url, "reject").await;
    let page = browser::open(back.as_str()).await.expect("a page");
    assert_eq!(page.status(), 400);
    assert!(browser::text(&page).contains("the consent was refused (access_denied)"), "{}", browser::text(&page));
    let ran = login.ended(&house).await.exits(3);
    assert!(ran.stderr.ends_with("hint: press Accept, as a person who may see the whole portal\n"), "{}", ran.stderr);
    assert_eq!(token_requests(&portal), 0);
    assert_nothing_kept(&portal, &house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_answer_is_refused_and_the_true_one_still_taken() {
    let (portal, house, uri) = beside().await;
    let login = Login::start(&house, &["--redirect-uri", &uri]).await;
    let back = decide(&login.url, "accept").await;
    let forged = [
        with(&back, "state", "00"),
        with(&with(&back, "state", ""), "code", "1000.of.another"),
        format!("{uri}?code=1000.of.another").parse().expect("a URL"),
        format!("{uri}?error=access_denied").parse().expect("a URL"),
        format!("{back}&state=00").parse().expect("a URL"),
    ];
    for forged in &forged {
        let page = browser::open(forged.as_str()).await.expect("a page");
        assert_eq!(page.status(), 400, "{forged}");
        assert!(browser::text(&page).contains("does not belong to this sign-in"), "{}", browser::text(&page));
        assert_eq!(token_requests(&portal), 0, "{forged}");
        assert_nothing_kept(&portal, &house);
    }
    let nothing = browser::open(back.as_str().replace("/callback", "/favicon.ico").as_str()).await.expect("a page");
    assert_eq!(nothing.status(), 404);
    assert_eq!(browser::open(back.as_str()).await.expect("a page").status(), 200);
    let ran = login.ended(&house).await.exits(0);
    assert_eq!(ran.stderr.matches("does not belong to this sign-in").count(), forged.len(), "{}", ran.stderr);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), portal.sandbox.refresh_tokens().pop());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_or_nonsense_do_not_stand_in_the_way() {
    let (portal, house, uri) = beside().await;
    let login = Login::start(&house, &["--redirect-uri", &uri]).await;
    let address = uri.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    let mut held = Vec::new();
    for words in ["", "POST /callback HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET /callback", "\u{0}\u{0}"] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.expect("it listens");
        stream.write_all(words.as_bytes()).await.expect("it reads");
        held.push(stream);
    }
    let mut endless = tokio::net::TcpStream::connect(&address).await.expect("it listens");
    let line = format!("x: {}\r\n", "y".repeat(8_000));
    // Refused long before a megabyte has been read.
    let refused = async {
        endless.write_all(b"GET /callback HTTP/1.1\r\n").await?;
        for _ in 0..1_000 {
            endless.write_all(line.as_bytes()).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    assert!(refused.await.is_err(), "the head of a request has no end");
    let back = decide(&login.url, "accept").await;
    assert_eq!(browser::open(back.as_str()).await.expect("a page").status(), 200);
    login.ended(&house).await.exits(0);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), portal.sandbox.refresh_tokens().pop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_not_taken_to_a_foreign_accounts_server() {
    let foreign = Portal::with_tickets(10).await;
    for server in ["https://accounts.zoho.eu", "https://accounts.zoho.eu.example.com", &foreign.server.url] {
        let (portal, house, uri) = beside().await;
        let login = Login::start(&house, &["--redirect-uri", &uri]).await;
        let back = with(&decide(&login.url, "accept").await, "accounts-server", server);
        let page = browser::open(back.as_str()).await.expect("a page");
        assert_eq!(page.status(), 400);
        assert!(browser::text(&page).contains("an accounts server that is not trusted"), "{}", browser::text(&page));
        let ran = login.ended(&house).await.exits(3);
        assert!(
            ran.stderr.contains("error: the answer names an accounts server that is not trusted"),
            "{}",
            ran.stderr
        );
        assert_eq!(token_requests(&portal), 0);
        assert_nothing_kept(&portal, &house);
    }
    assert!(foreign.sandbox.requests().is_empty(), "nothing was sent there");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_second_answer() {
    let (portal, house, uri) = beside().await;
    let login = Login::start(&house, &["--redirect-uri", &uri]).await;
    let back = decide(&login.url, "accept").await;
    portal.sandbox.fault(TOKEN, [Fault::Stall(Duration::from_secs(2))]);
    portal.sandbox.clear_requests();
    let first = tokio::spawn({
        let back = back.clone();
        async move { browser::open(back.as_str()).await.expect("a page").status() }
    });
    portal.sandbox.wait_for_requests(1).await;
    // The code is under way; whoever comes now finds nobody.
    let second = browser::open(back.as_str()).await;
    assert!(matches!(second, Err(deskhouse::transport::Error::Connect(_))), "{second:?}");
    assert_eq!(first.await.expect("it is answered"), 200);
    login.ended(&house).await.exits(0);
    assert_eq!(token_requests(&portal), 1);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), portal.sandbox.refresh_tokens().pop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_used_already_is_refused() {
    let (portal, house, uri) = beside().await;
    let login = Login::start(&house, &["--redirect-uri", &uri]).await;
    let back = decide(&login.url, "accept").await;
    let settings = portal.sandbox.settings();
    let form = format!(
        "grant_type=authorization_code&client_id={}&client_secret={}&redirect_uri={uri}&code={}",
        settings.client_id,
        settings.client_secret,
        parameter(&back, "code")
    );
    let stolen = browser::submit(&format!("{}{TOKEN}", portal.server.url), &form).await;
    assert!(browser::text(&stolen).contains("refresh_token"), "{}", browser::text(&stolen));

    let page = browser::open(back.as_str()).await.expect("a page");
    assert_eq!(page.status(), 502);
    assert!(browser::text(&page).contains("zoho refused the code (invalid_code)"), "{}", browser::text(&page));
    let ran = login.ended(&house).await.exits(3);
    assert!(ran.stderr.contains("error: zoho refused the code (invalid_code)"), "{}", ran.stderr);
    assert!(!house.file(".env").exists(), "something was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_challenge_a_stolen_code_is_worth_nothing() {
    let (portal, house, uri) = beside().await;
    let login = Login::start(&house, &["--redirect-uri", &uri, "--pkce"]).await;
    assert_eq!(parameter(&login.url, "code_challenge_method"), "S256");
    let settings = portal.sandbox.settings();
    let (id, secret) = (settings.client_id, settings.client_secret);
    let stolen = parameter(&decide(&login.url, "accept").await, "code");
    let form =
        format!("grant_type=authorization_code&client_id={id}&client_secret={secret}&redirect_uri={uri}&code={stolen}");
    let answer = browser::submit(&format!("{}{TOKEN}", portal.server.url), &form).await;
    assert_eq!(browser::text(&answer), r#"{"error":"invalid_code"}"#);

    let back = decide(&login.url, "accept").await;
    assert_eq!(browser::open(back.as_str()).await.expect("a page").status(), 200);
    login.ended(&house).await.exits(0);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), portal.sandbox.refresh_tokens().pop());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unknown_scope_voids_the_consent_and_the_wait_ends() {
    let (portal, house, uri) = beside().await;
    let arguments = ["--redirect-uri", &uri, "--scope", "Desk.teapots.READ", "--timeout", "1s"];
    let login = Login::start(&house, &arguments).await;
    let page = browser::open(login.url.as_str()).await.expect("a page");
    assert_eq!(page.status(), 400);
    assert!(browser::text(&page).contains("Scope does not exist"), "{}", browser::text(&page));
    let ran = login.ended(&house).await.exits(1);
    assert!(ran.stderr.contains("error: nobody answered in the browser within 1s"), "{}", ran.stderr);
    assert_nothing_kept(&portal, &house);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_follow_from_the_resources() {
    let (portal, house, uri) = beside().await;
    let login =
        Login::start(&house, &["--redirect-uri", &uri, "--for", "tickets", "--scope", "Desk.tickets.CREATE"]).await;
    assert_eq!(
        parameter(&login.url, "scope"),
        "Desk.tickets.READ,Desk.search.READ,Desk.basic.READ,Desk.settings.READ,Desk.tickets.CREATE"
    );
    let back = decide(&login.url, "accept").await;
    browser::open(back.as_str()).await.expect("a page");
    login.ended(&house).await.exits(0);
    house.run(&["-q", "sync", "tickets"]).await.exits(0);
    let ran = house.run(&["-q", "sync", "tickets", "contacts"]).await.exits(4);
    assert!(ran.stdout.contains("SCOPE_MISMATCH") || ran.stderr.contains("SCOPE_MISMATCH"), "{}", ran.output());
    assert!(portal.sandbox.refresh_tokens().len() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_the_address_is_pasted() {
    let (portal, house, uri) = beside().await;
    // A redirect that nothing listens at, as in the session of another machine.
    let paste = async |change: fn(&url::Url) -> String| {
        let mut login = Login::start(&house, &["--redirect-uri", &uri, "--no-browser"]).await;
        let back = change(&decide(&login.url, "accept").await);
        let mut stdin = login.child.stdin.take().expect("a pipe");
        stdin.write_all(format!("{back}\n").as_bytes()).await.expect("it reads");
        drop(stdin);
        login.ended(&house).await
    };
    let forged = paste(|back| with(back, "state", "00").to_string()).await.exits(3);
    let foreign = paste(|back| with(back, "accounts-server", "https://example.com").to_string()).await.exits(3);
    let code_alone = paste(|back| parameter(back, "code")).await.exits(3);
    let nothing = paste(|_| String::new()).await.exits(2);
    for (ran, reason) in [
        (forged, "does not belong to this sign-in"),
        (foreign, "an accounts server that is not trusted"),
        (code_alone, "the answer has no code in it"),
        (nothing, "no address was given"),
    ] {
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    }
    assert_eq!(token_requests(&portal), 0);
    assert_nothing_kept(&portal, &house);
    paste(url::Url::to_string).await.exits(0);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), portal.sandbox.refresh_tokens().pop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_cannot_be_had_is_said_before_the_browser_opens() {
    let (portal, house, _) = beside().await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let busy =
        house.run(&["auth", "login", "--redirect-uri", &format!("http://127.0.0.1:{port}/callback")]).await.exits(1);
    let elsewhere = house.run(&["auth", "login", "--redirect-uri", "https://desk.example/callback"]).await.exits(2);
    let text = format!("== taken\n{}== elsewhere\n{}", told(&house, &busy), told(&house, &elsewhere));
    assert_told!("no_port", text);
    assert!(portal.sandbox.requests().is_empty());
}
