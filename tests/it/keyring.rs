//! A refresh token in the keyring of the system, which every command finds there.

use chrono::Duration;

use crate::support::discreet::{assert_told, kept, told};
use crate::support::keyring::Keyring;
use crate::support::{Engine, House, Portal, SCOPES};

async fn beside() -> (Portal, House, Keyring) {
    let portal = Portal::with_tickets(50).await;
    let mut house = House::new(&portal, Engine::Sqlite).await;
    let keyring = Keyring::start(house.path()).await;
    house.unset("ZOHO_REFRESH_TOKEN");
    house.set("DBUS_SESSION_BUS_ADDRESS", keyring.address.clone());
    (portal, house, keyring)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_keyring_is_in_no_file_and_serves_every_command() {
    let (portal, house, keyring) = beside().await;
    for _ in 0..2 {
        let code = portal.sandbox.self_client_code(SCOPES, Duration::minutes(3));
        house.tell(&["auth", "exchange", "--store", "keyring"], &[&code]).await.exits(0);
        assert_eq!(
            keyring.accounts(),
            ["1000.SANDBOXCLIENT at 127.0.0.1"],
            "the second one takes the place of the first"
        );
    }
    let token = portal.sandbox.refresh_tokens().pop().expect("a token");
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN").as_deref(), Some("keyring"));
    assert!(!keyring.bytes().windows(token.len()).any(|bytes| bytes == token.as_bytes()), "it travels encrypted");
    house.sync().await;
    // The access token is renewed with what the keyring has.
    portal.sandbox.expire_tokens();
    house.sync().await;
    let ran = house.run(&["auth", "status"]).await.exits(0);
    assert!(ran.stdout.contains("the keyring of the system"), "{}", ran.stdout);
    for output in [ran.output(), std::fs::read_to_string(house.file(".env")).expect("the file")] {
        assert!(!output.contains(&token), "{output}");
    }

    house.run(&["auth", "revoke"]).await.exits(0);
    assert!(!portal.sandbox.refresh_tokens().contains(&token));
    assert!(keyring.accounts().is_empty());
    assert_eq!(kept(&house, "ZOHO_REFRESH_TOKEN"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_without_the_token_or_without_an_answer_is_told() {
    let (portal, mut house, _keyring) = beside().await;
    house.set("ZOHO_REFRESH_TOKEN", "keyring");
    let empty = house.run(&["-q", "sync"]).await.exits(2);
    house.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let absent = house.run(&["-q", "sync"]).await.exits(1);
    assert_told!("keyring", format!("== empty\n{}== absent\n{}", told(&house, &empty), told(&house, &absent)));
    assert!(portal.sandbox.requests().is_empty());
}
