//! The POSTs to the accounts server, and what its answers mean. Nothing else here or above knows the endpoints. Whether a
//! token has to be asked for is left to `Tokens`, what becomes of a refresh token to `storage`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use url::{Url, form_urlencoded};

use super::error::{Error, Presented, Refusal};
use super::token::{AccessToken, Body};
use super::{BUDGET_WINDOW, Client, Code, Credentials, Grant};
use crate::clock::Clock;
use crate::config::Secret;
use crate::transport::{self, Transport};

/// Times that a connection is tried. Only failures to connect are tried again: any other failed request may have been
/// counted by Zoho, and may have used up a code.
const TRIES: u32 = 3;

/// Where tokens are asked for.
const TOKEN: &str = "oauth/v2/token";

/// Where a refresh token is revoked. Zoho documents both, the second only in its newer pages, and does not say which one
/// will stay (zoho.com/accounts/protocol/oauth/revoke-refresh-token, zoho.com/developer/oauth/revoke-oauth-token).
const REVOKE: &str = "oauth/v2/token/revoke";
const REVOKE_NEWER: &str = "oauth/v2/revoke/token";

/// An accounts server.
pub struct Accounts {
    transport: Arc<dyn Transport>,
    url: Url,
    clock: Clock,
}

/// What a code is exchanged for.
#[derive(Debug, Clone)]
pub struct Granted {
    /// What access tokens are made from.
    pub refresh_token: Secret,
    /// The first of them.
    pub access_token: AccessToken,
}

impl Accounts {
    /// The accounts server at this address.
    pub fn new(transport: Arc<dyn Transport>, url: Url, clock: Clock) -> Self {
        Self { transport, url, clock }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Host and port, for messages.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Asks for an access token.
    pub(super) async fn access_token(&self, credentials: &Credentials) -> Result<AccessToken, Error> {
        let Client { id, secret } = &credentials.client;
        let body = match &credentials.grant {
            Grant::RefreshToken(refresh_token) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", id),
                    ("client_secret", secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                self.ask(Presented::RefreshToken, &form).await?
            }
            Grant::ClientCredentials { org_id, scopes } => {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", id),
                    ("client_secret", secret.expose()),
                    ("scope", &scopes.join(",")),
                    // That the service's name before the number is this one is how other Desk clients send it (2026).
                    ("soid", &format!("ZohoDesk.{org_id}")),
                ];
                self.ask(Presented::ClientCredentials, &form).await?
            }
        };
        self.token(&body)
    }

    /// Trades a code for a refresh token. A code works once, so this is never sent again after it has arrived.
    pub async fn exchange(&self, client: &Client, code: &Code) -> Result<Granted, Error> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &client.id),
            ("client_secret", client.secret.expose()),
            ("code", code.secret.expose()),
        ];
        // The code of a self client comes without a redirect, and Zoho refuses one that names it all the same.
        form.extend(code.redirect_uri.as_deref().map(|uri| ("redirect_uri", uri)));
        form.extend(code.verifier.as_ref().map(|verifier| ("code_verifier", verifier.expose())));
        let body = self.ask(Presented::Code, &form).await?;
        let access_token = self.token(&body)?;
        let refresh_token = body.refresh_token().ok_or_else(|| Error::NoRefreshToken { host: self.host() })?;
        Ok(Granted { refresh_token, access_token })
    }

    /// Revokes a refresh token, and with it every access token that was made from it.
    pub async fn revoke(&self, client: &Client, refresh_token: &Secret) -> Result<(), Error> {
        let token = ("token", refresh_token.expose());
        let first = self.post(REVOKE, &[token], None).await?;
        if is_revoked(&first) {
            return Ok(());
        }
        let basic = BASE64_STANDARD.encode(format!("{}:{}", client.id, client.secret.expose()));
        let second = self.post(REVOKE_NEWER, &[token, ("token_type", "refresh_token")], Some(&basic)).await?;
        if is_revoked(&second) {
            return Ok(());
        }
        let status = second.status();
        Err(match status.is_server_error() {
            true => Error::Unavailable { host: self.host(), status: status.as_u16(), tries: 1 },
            false => {
                let statuses = [first.status().as_u16(), status.as_u16()];
                Error::NotRevoked { host: self.host(), statuses }
            }
        })
    }

    /// Success is status 200 and a token; refusals come under 200 too, and only the throttle has a status of its own
    /// (recorded answers, 2026). Its text is localised, so it is known by its status and `"status":"failure"`.
    async fn ask(&self, presented: Presented, form: &[(&str, &str)]) -> Result<Body, Error> {
        let response = self.post(TOKEN, form, None).await?;
        let (host, status) = (self.host(), response.status());
        if status.is_redirection() {
            return Err(Error::Redirected { host });
        }
        if status.is_server_error() {
            return Err(Error::Unavailable { host, status: status.as_u16(), tries: 1 });
        }
        let Ok(body) = serde_json::from_slice::<Body>(response.body()) else {
            return Err(Error::Unexpected { host, status: status.as_u16() });
        };
        if status == ::http::StatusCode::OK && body.access_token.is_some() && body.error.is_none() {
            return Ok(body);
        }
        if status == ::http::StatusCode::TOO_MANY_REQUESTS
            || (status == ::http::StatusCode::BAD_REQUEST && body.status.as_deref() == Some("failure"))
        {
            return Err(Error::Throttled { host, until: self.clock.now() + BUDGET_WINDOW });
        }
        match body.error.as_deref().map(Refusal::from_code) {
            Some(refusal) => Err(Error::Refused { host, presented, refusal }),
            None => Err(Error::Unexpected { host, status: status.as_u16() }),
        }
    }

    fn token(&self, body: &Body) -> Result<AccessToken, Error> {
        body.token(self.clock.now()).ok_or_else(|| Error::Unexpected { host: self.host(), status: 200 })
    }

    async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        basic: Option<&str>,
    ) -> Result<::http::Response<Bytes>, Error> {
        let sent = self.send(path, form, basic).await;
        sent.map_err(|source| Error::Unreachable { host: self.host(), source })
    }

    async fn send(
        &self,
        path: &str,
        form: &[(&str, &str)],
        basic: Option<&str>,
    ) -> Result<::http::Response<Bytes>, transport::Error> {
        let url = format!("{}/{path}", self.url.as_str().trim_end_matches('/'));
        // A form body and not the query of Zoho's examples: URLs end up in the logs of proxies.
        let form = Bytes::from(form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish());
        let mut tries = 1;
        loop {
            let mut request =
                ::http::Request::post(&url).header(::http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(basic) = basic {
                request = request.header(::http::header::AUTHORIZATION, sensitive(&format!("Basic {basic}"))?);
            }
            let request = request.body(form.clone()).map_err(|error| transport::Error::Request(error.into()))?;
            match self.transport.send(request).await {
                Err(transport::Error::Connect(_)) if tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(500) * tries).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }
}

fn sensitive(text: &str) -> Result<::http::HeaderValue, transport::Error> {
    let mut value = ::http::HeaderValue::try_from(text).map_err(|error| transport::Error::Request(error.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_revoked(response: &::http::Response<Bytes>) -> bool {
    let body: Body = serde_json::from_slice(response.body()).unwrap_or_default();
    response.status() == ::http::StatusCode::OK && body.status.as_deref() == Some("success")
}
