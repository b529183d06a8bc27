//! Where a code is sent when the person belongs to another data centre. No network: what would be sent is noted.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::*;
use crate::auth::{Asked, Authorization};
use crate::cli::{Format, Global};
use crate::transport;

/// An accounts server that grants everything, and notes what it is sent.
#[derive(Default)]
struct Noting(Mutex<Vec<(String, Bytes)>>);

impl Transport for Noting {
    fn send(
        &self,
        request: ::http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<::http::Response<Bytes>, transport::Error>> {
        let noted = (request.uri().to_string(), request.into_body());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
        let granted = r#"{"access_token": "1000.a", "refresh_token": "1000.r", "expires_in": 3600}"#;
        Box::pin(std::future::ready(Ok(::http::Response::new(Bytes::from_static(granted.as_bytes())))))
    }
}

/// Signs in for the United States, answers the consent with `rest`, and gives what was sent and what is kept.
async fn answered(rest: &str) -> (Vec<(String, Bytes)>, Vec<String>, Option<Storage>, Url) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("deskhouse.toml");
    std::fs::write(&file, "[zoho]\nclient_id = \"1000.CLIENT\"\nclient_secret = \"planted\"\n").expect("a file");
    let global = Global { config: Some(file), log: Format::Text, verbose: false, quiet: true, no_progress: true };
    let world = World::new(global);
    let asking = Asking {
        resources: Vec::new(),
        scopes: Vec::new(),
        data_center: Some("us".into()),
        store: Place::Stdout,
        revoke_old: false,
    };
    let mut sign_in = SignIn::prepare(&world, &asking, GrantType::RefreshToken).expect("a sign-in");
    let noting = Arc::new(Noting::default());
    sign_in.transport = Arc::<Noting>::clone(&noting);
    let account = auth::account("1000.CLIENT", &sign_in.config.zoho.accounts_url);
    sign_in.place = Some(Storage::Keyring { account, dot_env: folder.path().join(".env") });
    let authorization = Authorization::new(&Asked {
        accounts_url: &sign_in.config.zoho.accounts_url,
        data_center: sign_in.config.zoho.data_center,
        client_id: "1000.CLIENT",
        redirect_uri: "http://localhost:8478/callback",
        scopes: &["Desk.basic.READ".to_owned()],
        pkce: false,
    });
    let state = authorization.url().query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let (code, data_center) = authorization.read(&format!("state={state}&code=1000.code{rest}")).expect("an answer");
    let granted = sign_in.exchange(&code, data_center).await.expect("a grant");
    assert_eq!(Some(granted.refresh_token), Secret::new("1000.r"));
    let sent = std::mem::take(&mut *noting.0.lock().unwrap_or_else(PoisonError::into_inner));
    (sent, sign_in.news.lines().expect("lines"), sign_in.place, sign_in.config.zoho.desk_url)
}

#[tokio::test]
async fn a_person_of_another_data_centre_is_signed_in_there() {
    let (sent, kept, place, desk_url) = answered("&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu").await;
    let [(url, body)] = sent.as_slice() else { panic!("sent {sent:?}") };
    assert_eq!(url, "https://accounts.zoho.eu/oauth/v2/token");
    let form: Vec<_> = url::form_urlencoded::parse(body).collect();
    assert!(form.contains(&("code".into(), "1000.code".into())), "{form:?}");
    assert!(kept.contains(&"DESKHOUSE_ZOHO__DATA_CENTER=eu".to_owned()), "{kept:?}");
    assert_eq!(desk_url.as_str(), "https://desk.zoho.eu/");
    let account = auth::account("1000.CLIENT", &DataCenter::Eu.accounts_url());
    assert!(matches!(place, Some(Storage::Keyring { account: held, .. }) if held == account));
}

#[tokio::test]
async fn a_person_of_the_configured_one_stays() {
    for rest in ["", "&location=us&accounts-server=https%3A%2F%2Faccounts.zoho.com"] {
        let (sent, kept, _, desk_url) = answered(rest).await;
        let [(url, _)] = sent.as_slice() else { panic!("sent {sent:?}") };
        assert_eq!(url, "https://accounts.zoho.com/oauth/v2/token");
        assert_eq!((kept, desk_url.as_str()), (Vec::<String>::new(), "https://desk.zoho.com/"));
    }
}
