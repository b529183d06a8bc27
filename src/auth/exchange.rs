//! The POST to the accounts server, and what its answers mean. Nothing else here or above knows the endpoint.

use std::time::Duration;

use bytes::Bytes;
use url::{Url, form_urlencoded};

use super::error::{Error, Refusal};
use super::token::{AccessToken, Body};
use super::{BUDGET_WINDOW, Credentials};
use crate::clock::Clock;
use crate::transport::{self, Transport};

/// Times that a connection is tried. Only failures to connect are tried again: any other failed request may have been
/// counted by Zoho.
const TRIES: u32 = 3;

/// Asks for an access token with the refresh token.
pub(super) async fn refresh(
    transport: &dyn Transport,
    accounts_url: &Url,
    credentials: &Credentials,
    clock: &Clock,
) -> Result<AccessToken, Error> {
    // A form body and not the query of Zoho's examples: URLs end up in the logs of proxies.
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", &credentials.client_id)
        .append_pair("client_secret", credentials.client_secret.expose())
        .append_pair("refresh_token", credentials.refresh_token.expose())
        .finish();
    let host = host(accounts_url);
    let response = post(transport, accounts_url, form)
        .await
        .map_err(|source| Error::Unreachable { host: host.clone(), source })?;
    read(&response, host, clock)
}

/// Host and port of the accounts server, for messages.
pub(super) fn host(accounts_url: &Url) -> String {
    let host = accounts_url.host_str().unwrap_or_default();
    accounts_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn post(
    transport: &dyn Transport,
    accounts_url: &Url,
    form: String,
) -> Result<::http::Response<Bytes>, transport::Error> {
    let url = format!("{}/oauth/v2/token", accounts_url.as_str().trim_end_matches('/'));
    let form = Bytes::from(form);
    let mut tries = 1;
    loop {
        let request = ::http::Request::post(&url)
            .header(::http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.clone())
            .map_err(|error| transport::Error::Request(error.into()))?;
        match transport.send(request).await {
            Err(transport::Error::Connect(_)) if tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(500) * tries).await;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

/// Success is status 200 and a token; refusals come under 200 too, and only the throttle has a status of its own
/// (recorded answers, 2026). The throttle's text is localised, so it is known by its status and `"status":"failure"`.
fn read(response: &::http::Response<Bytes>, host: String, clock: &Clock) -> Result<AccessToken, Error> {
    let now = clock.now();
    let status = response.status();
    if status.is_redirection() {
        return Err(Error::Redirected { host });
    }
    if status.is_server_error() {
        return Err(Error::Unavailable { host, status: status.as_u16(), tries: 1 });
    }
    let Ok(body) = serde_json::from_slice::<Body>(response.body()) else {
        return Err(Error::Unexpected { host, status: status.as_u16() });
    };
    if status == ::http::StatusCode::OK
        && let Some(token) = body.token(now)
    {
        return Ok(token);
    }
    if status == ::http::StatusCode::TOO_MANY_REQUESTS
        || (status == ::http::StatusCode::BAD_REQUEST && body.status.as_deref() == Some("failure"))
    {
        return Err(Error::Throttled { host, until: now + BUDGET_WINDOW });
    }
    match body.error.as_deref().map(Refusal::from_code) {
        Some(refusal) => Err(Error::Refused { host, refusal }),
        None => Err(Error::Unexpected { host, status: status.as_u16() }),
    }
}
