//! The way to the portal, on which everything goes wrong that can: late answers, lost ones, wrong ones. The portal may
//! have counted a request whose answer is lost.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use deskhouse::transport::{Error, Transport};
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use rand::RngExt;
use tower::ServiceExt;

use super::scenario::LISTS;
use super::world::World;

/// Tells what is left of a day's credits.
const LEFT: &str = "x-rate-limit-remaining-v3";

/// As long as the real transport waits.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A transport into the world, inside the process.
pub(crate) struct Network {
    world: World,
    /// Made once: it costs more than many an answer.
    router: Router,
}

/// What the network does to one request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    NoConnection,
    TimeoutBefore,
    TimeoutAfter,
    CutBody,
    HalfBody,
    Status(u16),
    Html(u16),
    Unauthorized,
    Concurrency,
    Garbage,
    ErrorUnder200,
}

const FAULTS: [Fault; 12] = [
    Fault::NoConnection,
    Fault::TimeoutBefore,
    Fault::TimeoutAfter,
    Fault::CutBody,
    Fault::HalfBody,
    Fault::Status(500),
    Fault::Status(503),
    Fault::Html(502),
    Fault::Unauthorized,
    Fault::Concurrency,
    Fault::Garbage,
    Fault::ErrorUnder200,
];

impl Transport for Network {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Error>> {
        Box::pin(async move {
            let world = &self.world;
            world.now();
            let is_desk = request.uri().path().starts_with("/api/v1/");
            let fault = if is_desk { self.before() } else { None };
            if self.is_refused(request.uri().path()) {
                let body = r#"{"errorCode":"FORBIDDEN","message":"You are not authorized to perform this operation."}"#;
                return Ok(answer(403, "application/json", body));
            }
            match fault {
                Some(Fault::NoConnection) => return Err(Error::Connect("refused".into())),
                Some(Fault::TimeoutBefore) => {
                    tokio::time::sleep(TIME_LIMIT).await;
                    return Err(Error::Timeout);
                }
                Some(Fault::Status(status)) => {
                    let body = r#"{"errorCode":"INTERNAL_SERVER_ERROR","message":"An internal error."}"#;
                    return Ok(answer(status, "application/json", body));
                }
                Some(Fault::Html(status)) => return Ok(answer(status, "text/html", "<html>Bad Gateway</html>")),
                Some(Fault::Unauthorized) => {
                    let body = r#"{"errorCode":"INVALID_OAUTH","message":"The OAuth Token you provided is invalid."}"#;
                    return Ok(answer(401, "application/json", body));
                }
                Some(Fault::Concurrency) => {
                    let body = r#"{"errorCode":"TOO_MANY_REQUESTS","message":"Too many requests at a time."}"#;
                    return Ok(answer(429, "application/json", body));
                }
                Some(Fault::Garbage) => return Ok(answer(200, "application/json", "<<< no JSON")),
                Some(Fault::ErrorUnder200) => {
                    let body = r#"{"errorCode":"INTERNAL_SERVER_ERROR","message":"An internal error."}"#;
                    return Ok(answer(200, "application/json", body));
                }
                _ => {}
            }
            if let Some(refusal) = self.over_the_page_cap(&request) {
                return Ok(refusal);
            }
            let waited_for = WaitedFor { world, is_answered: false };
            let (head, body) = self.carry_out(request).await.into_parts();
            world.now();
            let body = to_bytes(body, usize::MAX).await.map_err(|error| Error::Cut(error.into()))?;
            let answer = match fault {
                Some(Fault::TimeoutAfter) => {
                    tokio::time::sleep(TIME_LIMIT).await;
                    Err(Error::Timeout)
                }
                Some(Fault::CutBody) => Err(Error::Cut("closed".into())),
                fault => {
                    let left = head.headers.get(LEFT).and_then(|left| left.to_str().ok()?.parse().ok());
                    left.into_iter().for_each(|left| world.show_left(left));
                    let end = if matches!(fault, Some(Fault::HalfBody)) { body.len() / 2 } else { body.len() };
                    Ok(Response::from_parts(head, body.slice(..end)))
                }
            };
            waited_for.end();
            answer
        })
    }
}

/// A request that the portal carries out.
struct WaitedFor<'a> {
    world: &'a World,
    is_answered: bool,
}

impl WaitedFor<'_> {
    fn end(mut self) {
        self.is_answered = true;
    }
}

impl Drop for WaitedFor<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.world.drop_one();
        }
    }
}

impl Network {
    pub(crate) fn new(world: World) -> Self {
        Self { router: world.sandbox.router(), world }
    }

    /// What happens before a request arrives: the world goes on, and the network may fail.
    fn before(&self) -> Option<Fault> {
        let world = &self.world;
        if world.is_settled() {
            return None;
        }
        let scenario = &world.scenario;
        if world.throw(|dice| dice.random_range(0..100) < scenario.changes) {
            world.change();
        }
        if world.throw(|dice| dice.random_range(0..10_000) < scenario.jumps) {
            world.set_the_clock();
        }
        let fails = world.throw(|dice| dice.random_range(0..100) < scenario.faults);
        fails.then(|| FAULTS[world.throw(|dice| dice.random_range(0..FAULTS.len()))])
    }

    /// Whether somebody has taken the right to see this list away, for the moment.
    fn is_refused(&self, path: &str) -> bool {
        let is_list = path.strip_prefix("/api/v1/").is_some_and(|name| LISTS.contains(&name));
        let (world, share) = (&self.world, self.world.scenario.refusals);
        is_list && !world.is_settled() && world.throw(|dice| dice.random_range(0..100) < share)
    }

    /// A portal that takes shorter pages of a walk than are documented.
    fn over_the_page_cap(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let cap = self.world.scenario.page_cap?;
        let query = request.uri().query().filter(|query| query.contains("modifiedTimeRange="))?;
        let limit = query.split('&').find_map(|pair| pair.strip_prefix("limit=")?.parse::<u32>().ok())?;
        (limit > cap).then(|| {
            let body = format!(
                r#"{{"errorCode":"UNPROCESSABLE_ENTITY","message":"The value passed for field 'limit' exceeds the range of '1-{cap}'."}}"#
            );
            answer(422, "application/json", &body)
        })
    }

    async fn carry_out(&self, request: Request<Bytes>) -> Response<Body> {
        self.router.clone().oneshot(request.map(Body::from)).await.unwrap_or_else(|never| match never {})
    }
}

fn answer(status: u16, content_type: &str, body: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert("content-type", content_type.parse().expect("a type"));
    answer
}
