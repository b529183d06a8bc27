//! Sending one HTTP request: the small trait, and reqwest behind it. What an answer means is left to `auth` and
//! `http`; tests bring a transport that calls the sandbox inside the process.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;

/// Largest body that is read. A page of 100 tickets with long descriptions stays far below; anything larger is a
/// proxy or a server gone wrong, and reading it would be a way to run out of memory.
const LARGEST_BODY: usize = 64 << 20;

/// Largest body of a refusal that is read; what comes after it is left.
const LARGEST_ERROR: usize = 1 << 20;

/// Sends requests. Never follows a redirect, never retries.
pub trait Transport: Send + Sync {
    /// The whole answer, its body read to the end.
    fn send(&self, request: ::http::Request<Bytes>) -> BoxFuture<'_, Result<::http::Response<Bytes>, Error>>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection: the request was not sent.
    #[error("no connection")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer within the time limit.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke before the answer was complete.
    #[error("the connection broke before the answer was complete")]
    Cut(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body is larger than anything that Zoho sends.
    #[error("the answer is larger than {} MiB", LARGEST_BODY >> 20)]
    TooLarge,
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent")]
    Request(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Transport over the network.
#[derive(Debug, Clone)]
pub struct Network {
    client: reqwest::Client,
}

impl Network {
    /// A transport with the time limits of the product: 10 s to connect, 30 s between two parts of an answer, 120 s for
    /// the whole.
    pub fn new() -> Result<Self, Error> {
        // The TLS implementation is chosen here and not by a feature, since reqwest's own choice needs cmake on some
        // systems. A second call finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("deskhouse/", env!("CARGO_PKG_VERSION")))
            // A redirect means the wrong data centre; following it would carry the token along.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .timeout(Duration::from_secs(120))
            .build()
            .map_err(|error| Error::Request(error.into()))?;
        Ok(Self { client })
    }

    async fn answer(
        client: reqwest::Client,
        request: reqwest::Request,
    ) -> Result<::http::Response<Bytes>, reqwest::Error> {
        let mut response = client.execute(request).await?;
        let mut answer = ::http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let most = if answer.status().is_success() { LARGEST_BODY } else { LARGEST_ERROR };
        let mut body = BytesMut::new();
        while let Some(part) = response.chunk().await? {
            body.extend_from_slice(&part);
            if body.len() > most {
                break;
            }
        }
        *answer.body_mut() = body.freeze();
        Ok(answer)
    }
}

impl Transport for Network {
    fn send(&self, request: ::http::Request<Bytes>) -> BoxFuture<'_, Result<::http::Response<Bytes>, Error>> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(|error| Error::Request(error.into()))?;
            // In a task of its own: a body comes in many parts, and where the task that waits for it is the one that makes
            // rows of other pages, each part would wait for those while the portal counts the request as in flight.
            let answer = AbortOnDropHandle::new(tokio::spawn(Self::answer(self.client.clone(), request)));
            // The URL is taken out of every error: its query may hold what nobody should read in a log.
            let answer = answer
                .await
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
                .map_err(|error| classify(error.without_url()))?;
            if answer.body().len() > LARGEST_BODY { Err(Error::TooLarge) } else { Ok(answer) }
        })
    }
}

fn classify(error: reqwest::Error) -> Error {
    if error.is_connect() {
        Error::Connect(root(&error))
    } else if error.is_timeout() {
        Error::Timeout
    } else if error.is_builder() {
        Error::Request(error.into())
    } else {
        Error::Cut(root(&error))
    }
}

/// The first cause. What lies between is how the client is built, which helps nobody who reads it.
fn root(error: &reqwest::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let mut root: &dyn std::error::Error = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string().into()
}
