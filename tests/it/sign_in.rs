//! Signing in with the code of a self client or with client credentials: what is asked for, where it is kept, and every
//! refusal.

use chrono::Duration;
use desk_sandbox::{Fault, Language, Settings};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::support::browser::assert_private;
use crate::support::discreet::{assert_told, kept, told};
use crate::support::{Engine, House, Portal, SCOPES};

const TOKEN: &str = "/oauth/v2/token";

/// A house that has never been signed in, beside a portal.
async fn beside() -> (Portal, House) {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.unset("ZOHO_REFRESH_TOKEN");
    (portal, house)
}

fn code(portal: &Portal) -> String {
    portal.sandbox.self_client_code(SCOPES, Duration::minutes(10))
}

fn newest(portal: &Portal) -> String {
    portal.sandbox.refresh_tokens().pop().expect("a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_sync_with_one_command() {
    let (portal, mut house) = beside().await;
    let settings = portal.sandbox.settings();
    for name in ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_ORG_ID"] {
        house.unset(name);
    }
    let lines = [settings.client_id.as_str(), &settings.client_secret, &code(&portal)];
    let ran = house.tell(&["auth", "exchange", "--data-center", "eu"], &lines).await.exits(0);
    assert_told!("exchange", told(&house, &ran));
    let text = std::fs::read_to_string(house.file(".env")).expect("the file");
    assert_eq!(
        text,
        format!(
            "ZOHO_CLIENT_ID={}\nZOHO_CLIENT_SECRET={}\nDESKHOUSE_ZOHO__DATA_CENTER=eu\nZOHO_REFRESH_TOKEN={}\n",
            settings.client_id,
            settings.client_secret,
            newest(&portal)
        )
    );
    assert_private(&house.file(".env"));
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 1, "the access token that came with it was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_can_be_an_argument_and_nothing_else_can() {
    let (portal, house) = beside().await;
    house.run(&["auth", "exchange", "--code", &code(&portal)]).await.exits(0);
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), Some(newest(&portal)));
    for flag in ["--client-id", "--client-secret", "--refresh-token"] {
        house.run(&["auth", "exchange", flag, "x"]).await.exits(2);
        house.run(&["auth", "login", flag, "x"]).await.exits(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_nothing_of_what_is_typed_is_shown() {
    let (portal, house) = beside().await;
    let code = code(&portal);
    // `script` gives the command a terminal, whose name is said first, and shows all that appears in it.
    let script = "exec script -qec \"tty; exec '$0' auth exchange\" /dev/null";
    let mut child = house.start_to_be_told(&["bash", "-c", script], &[]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut shown = String::new();
    lines.read_line(&mut shown).await.expect("text");
    let terminal = shown.trim().to_owned();
    // It may ask before it has stopped the terminal from showing what is typed, so that is waited for.
    let is_silent = || {
        let stty = std::process::Command::new("stty").args(["-F", &terminal, "-a"]).output().expect("stty runs");
        String::from_utf8_lossy(&stty.stdout).split_whitespace().any(|word| word == "-echo")
    };
    while !is_silent() {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended without a question");
    }
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(format!("{code}\n").as_bytes()).await.expect("it reads");
    lines.read_to_string(&mut shown).await.expect("text");
    drop(stdin);
    let ran = house.ended(child).await.exits(0);
    assert!(shown.contains("code (not shown):"), "{shown}");
    assert!(!shown.contains(&code) && !ran.output().contains(&code), "{shown}");
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), Some(newest(&portal)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_code_is_told_and_nothing_is_kept() {
    let mut all = String::new();
    let used = |portal: &Portal| {
        let code = code(portal);
        portal.sandbox.advance(Duration::minutes(11));
        code
    };
    for (title, name, value) in [
        ("unknown client, or another data centre", "ZOHO_CLIENT_ID", "1000.OTHER"),
        ("wrong secret", "ZOHO_CLIENT_SECRET", "another-client-secret"),
    ] {
        let (portal, mut house) = beside().await;
        house.set(name, value);
        let ran = house.tell(&["-q", "auth", "exchange"], &[&code(&portal)]).await.exits(3);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        assert!(!house.file(".env").exists(), "{title}");
    }
    let (portal, house) = beside().await;
    let other = Portal::with_tickets(10).await;
    let twice = code(&portal);
    house.tell(&["auth", "exchange", "--store", "stdout"], &[&twice]).await.exits(0);
    for (title, code) in [("too old", used(&portal)), ("used", twice), ("of another data centre", code(&other))] {
        let ran = house.tell(&["-q", "auth", "exchange"], &[&code]).await.exits(3);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        assert!(!ran.output().contains(&code), "{title}");
    }
    let nothing = house.tell(&["-q", "auth", "exchange"], &[]).await.exits(2);
    all.push_str(&format!("== no code\n{}", told(&house, &nothing)));
    for (title, code, fault) in [
        ("throttled", 3, Fault::Throttle),
        ("in trouble", 1, Fault::Html(503)),
        ("no refresh token", 3, answer(r#"{"access_token":"1000.a.b","expires_in":3600}"#)),
        ("another server", 3, Fault::Redirect("http://127.0.0.1:9/".into())),
    ] {
        let (portal, house) = beside().await;
        portal.sandbox.configure(|settings| settings.language = Language::Chinese);
        portal.sandbox.fault(TOKEN, [fault]);
        let ran = house.tell(&["-q", "auth", "exchange"], &[&self::code(&portal)]).await.exits(code);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        assert_eq!(portal.sandbox.token_requests(), 1, "{title}: a code is sent once");
        assert!(!house.file(".env").exists(), "{title}");
    }
    assert_told!("code_refused", all);
}

fn answer(body: &str) -> Fault {
    Fault::Status { status: 200, body: body.into(), content_type: "application/json" }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_can_be_kept_in_the_configuration_file() {
    let (portal, house) = beside().await;
    // There is none yet, and it is made; then it is there, with comments that stay.
    house.tell(&["auth", "exchange", "--store", "config"], &[&code(&portal)]).await.exits(0);
    let file = house.file("deskhouse.toml");
    assert_eq!(
        std::fs::read_to_string(&file).expect("it"),
        format!("[zoho]\nrefresh_token = \"{}\"\n", newest(&portal))
    );
    assert_private(&file);
    let text = "# mine\n[sync]\noverlap = \"5m\" # short\n\n[zoho]\n# who\nrefresh_token = \"1000.old\"\n";
    std::fs::write(&file, text).expect("it is writable");
    house.tell(&["auth", "exchange", "--store", "config"], &[&code(&portal)]).await.exits(0);
    assert_eq!(std::fs::read_to_string(&file).expect("it"), text.replace("1000.old", &newest(&portal)));
    assert_private(&file);
    house.sync().await;
    assert!(!house.file(".env").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_can_be_printed_for_another_keeper_of_secrets() {
    let (portal, house) = beside().await;
    let ran = house.tell(&["auth", "exchange", "--store", "stdout"], &[&code(&portal)]).await.exits(0);
    assert_eq!(ran.stdout, format!("ZOHO_REFRESH_TOKEN={}\n", newest(&portal)));
    assert!(!ran.stderr.contains(&newest(&portal)), "{}", ran.stderr);
    assert!(!house.file(".env").exists() && !house.file("deskhouse.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_said_while_the_code_still_works() {
    let (portal, mut house) = beside().await;
    house.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let code = code(&portal);
    let keyring = house.tell(&["auth", "exchange", "--store", "keyring"], &[&code]).await.exits(1);
    std::fs::write(house.file("deskhouse.toml"), "").expect("a file");
    let torn = house.file("torn.toml");
    std::fs::write(&torn, "[sync]\nresources = [\"tickets\"]\n").expect("a file");
    std::fs::create_dir(house.file("folder.toml")).expect("a folder");
    std::fs::create_dir(house.file(".env")).expect("a folder");
    let folder = house.tell(&["auth", "exchange"], &[&code]).await;
    std::fs::remove_dir(house.file(".env")).expect("the folder");
    let text = format!("== keyring\n{}== .env is a folder\n{}", told(&house, &keyring), told(&house, &folder));
    assert_told!("cannot_keep", text);
    assert_eq!(portal.sandbox.token_requests(), 0, "the code was not spent");
    house.tell(&["auth", "exchange"], &[&code]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_secrets_is_whole_however_the_command_ends() {
    let (portal, house) = beside().await;
    let before = "# mine\nOTHER=1\n";
    std::fs::write(house.file(".env"), before).expect("a file");
    // Not a byte may be written, and whoever writes one is killed on the spot.
    let binary = env!("CARGO_BIN_EXE_deskhouse");
    let script = format!("ulimit -c 0 -f 0; printf '%s\\n' '{}' | '{binary}' auth exchange", code(&portal));
    let ran = house.run_behind(&["bash", "-c", &script], &[]).await;
    assert_ne!(ran.code, 0, "{}", ran.output());
    assert_eq!(portal.sandbox.token_requests(), 1, "it ended while it was writing");
    assert_eq!(std::fs::read_to_string(house.file(".env")).expect("the file"), before);
    assert!(!house.file("deskhouse.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_that_would_win_is_named() {
    let (portal, mut house) = beside().await;
    house.set("ZOHO_REFRESH_TOKEN", portal.sandbox.settings().refresh_token);
    let ran = house.tell(&["auth", "exchange"], &[&code(&portal)]).await.exits(0);
    let warning = "warning: what was kept is not in force: environment variable ZOHO_REFRESH_TOKEN has another `zoho.refresh_token`, which wins";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);

    house.unset("ZOHO_REFRESH_TOKEN");
    house.set("DESKHOUSE_ZOHO__GRANT", "client_credentials");
    let ran = house.tell(&["auth", "exchange"], &[&code(&portal)]).await.exits(0);
    assert!(ran.stderr.contains("DESKHOUSE_ZOHO__GRANT has another `zoho.grant`, which wins"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_token_can_be_revoked_with_the_new_one_in_place() {
    let (portal, mut house) = beside().await;
    house.set("DESKHOUSE_SYNC__RESOURCES", "tickets");
    house.run(&["auth", "exchange", "--code", &code(&portal)]).await.exits(0);
    let first = newest(&portal);
    house.tell(&["auth", "exchange", "--revoke-old"], &[&code(&portal)]).await.exits(0);
    let left = portal.sandbox.refresh_tokens();
    assert!(!left.contains(&first), "the first one was revoked");
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), left.last().cloned());
    house.sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_client_can_sign_in_without_a_refresh_token() {
    let (portal, house) = beside().await;
    let login = ["auth", "login", "--grant", "client-credentials"];
    let ran = house.run(&login).await.exits(0);
    assert!(ran.stderr.contains("signed in: portal 600000001"), "{}", ran.stderr);
    let text = std::fs::read_to_string(house.file(".env")).expect("the file");
    assert_eq!(text, "DESKHOUSE_ZOHO__GRANT=client_credentials\n");
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 1, "the token is shared like any other");
    portal.sandbox.expire_tokens();
    house.sync().await;
    assert_eq!(portal.sandbox.token_requests(), 2, "and made anew like any other");
    assert_eq!(portal.sandbox.refresh_tokens().len(), 1);

    // The other way back.
    house.tell(&["auth", "exchange"], &[&code(&portal)]).await.exits(0);
    assert!(std::fs::read_to_string(house.file(".env")).expect("it").contains("DESKHOUSE_ZOHO__GRANT=refresh_token\n"));
    house.sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_client_credentials_is_told_and_nothing_is_kept() {
    let mut all = String::new();
    let login = ["-q", "auth", "login", "--grant", "client-credentials"];
    for (title, exit, name, value) in [
        ("another portal", 3, "ZOHO_ORG_ID", "600000009"),
        ("no portal", 2, "ZOHO_ORG_ID", ""),
        ("unknown client", 3, "ZOHO_CLIENT_ID", "1000.OTHER"),
        ("wrong secret", 3, "ZOHO_CLIENT_SECRET", "another-client-secret"),
        ("unknown scope", 3, "DESKHOUSE_ZOHO__SCOPES", "Desk.teapots.READ"),
    ] {
        let (_portal, mut house) = beside().await;
        house.set(name, value);
        let ran = house.run(&login).await.exits(exit);
        all.push_str(&format!("== {title}\n{}", told(&house, &ran)));
        assert!(!house.file(".env").exists(), "{title}");
    }
    let (_portal, house) = beside().await;
    let ran = house.run(&[&login[..], &["--for", "tickets"]].concat()).await.exits(2);
    all.push_str(&format!("== --for\n{}", told(&house, &ran)));
    assert_told!("client_credentials_refused", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_said_before_anything_is_asked() {
    let (portal, house) = beside().await;
    let mut all = String::new();
    for arguments in [
        &["auth", "exchange", "--for", "teapots"][..],
        &["auth", "exchange", "--data-center", "mars"],
        &["auth", "exchange", "--scope", "a b"],
        &["auth", "exchange", "--code", " "],
        &["auth", "exchange", "--store", "nowhere"],
        &["auth", "login", "--timeout", "soon"],
        &["auth"],
    ] {
        let ran = house.run(arguments).await.exits(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        all.push_str(&format!("== {}\n{}", arguments.join(" "), told(&house, &ran)));
    }
    assert_told!("auth_not_understood", all);
    assert!(portal.sandbox.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_of_a_new_token_is_looked_at() {
    let portal = Portal::start(Settings { tickets: 10, org_id: "600000007".into(), ..Settings::default() }).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    house.unset("ZOHO_REFRESH_TOKEN");
    house.set("ZOHO_ORG_ID", "600000001");
    let ran = house.tell(&["auth", "exchange"], &[&code(&portal)]).await.exits(0);
    assert!(
        ran.stderr.contains("the configured portal 600000001 is not among them; correct ZOHO_ORG_ID"),
        "{}",
        ran.stderr
    );
    let narrow = portal.sandbox.self_client_code(&["Desk.tickets.READ"], Duration::minutes(3));
    let ran = house.tell(&["auth", "exchange"], &[&narrow]).await.exits(0);
    assert!(ran.stderr.contains("signed in, but the portal was not reached"), "{}", ran.stderr);
}

/// Every way in and out, said in every way, by a server that repeats what it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_code_or_a_token() {
    for talk in [&["-q"][..], &["-v"], &["-v", "--log", "json"]] {
        let (portal, house) = beside().await;
        let settings = portal.sandbox.settings();
        let mut codes = Vec::new();
        for fault in [
            Fault::Pass,
            answer(&format!(r#"{{"error":"{} is unknown"}}"#, settings.client_secret)),
            Fault::Status { status: 400, body: settings.client_secret.clone(), content_type: "text/html" },
            Fault::Redirect(format!("http://127.0.0.1:9/{}", settings.client_secret)),
            Fault::Html(503),
            Fault::Throttle,
            Fault::Cut,
            Fault::Garbage,
        ] {
            portal.sandbox.fault(TOKEN, [fault]);
            let code = code(&portal);
            let ran = house.tell(&[talk, &["auth", "exchange"]].concat(), &[&code]).await;
            codes.push(code);
            assert!(codes.iter().all(|code| !ran.output().contains(code)), "{}", ran.output());
            let status = house.run(&[talk, &["auth", "status"]].concat()).await;
            let tokens = portal.sandbox.refresh_tokens();
            let all = format!("{}{}", ran.output(), status.output());
            assert!(tokens.iter().all(|token| !all.contains(token)), "{all}");
        }
        for fault in [Fault::Html(503), answer(&settings.client_secret), Fault::Pass] {
            let tokens = portal.sandbox.refresh_tokens();
            portal.sandbox.fault("/oauth/v2/token/revoke", [fault.clone()]);
            portal.sandbox.fault("/oauth/v2/revoke/token", [fault]);
            let ran = house.run(&[talk, &["auth", "revoke"]].concat()).await;
            assert!(tokens.iter().all(|token| !ran.output().contains(token)), "{}", ran.output());
        }
    }
}
