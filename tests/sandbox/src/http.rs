//! One request's way through the sandbox: noted, delayed, failed on purpose or answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{self, Body, Bytes};
use axum::extract::{ConnectInfo, Query as Pairs, Request, State as Handle};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tokio::time::Instant;

use crate::accounts::{self, TOKEN_PATH};
use crate::answer::{Answer, HTML};
use crate::campaigns;
use crate::connection::{Half, Line};
use crate::desk::{self, Call};
use crate::faults::Fault;
use crate::journal::Logged;
use crate::query::Query;
use crate::sandbox::Sandbox;

/// More than any form or ticket needs.
const LARGEST_BODY: usize = 256 * 1024;

impl Sandbox {
    /// The accounts server and the Desk API on one router. Without a connection to close, [`Fault::Cut`] is half a
    /// body and [`Fault::Drop`] a 502.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }
}

/// A request that has arrived. Dropped, it is no longer in flight, even when the client gave up on it.
struct Arrival {
    sandbox: Sandbox,
    number: usize,
    desk: bool,
    crowded: bool,
    fault: Option<Fault>,
    pause: Duration,
    since: Instant,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut state = self.sandbox.state();
        state.journal.took(self.number, self.since.elapsed());
        if self.desk {
            state.in_flight -= 1;
        }
    }
}

async fn handle(Handle(sandbox): Handle<Sandbox>, request: Request) -> Response {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|info| info.0.clone());
    let call = call(request).await;
    let mut arrival = arrive(&sandbox, &call);
    if !arrival.pause.is_zero() {
        tokio::time::sleep(arrival.pause).await;
    }
    match arrival.fault.take().filter(|_| !arrival.crowded) {
        None | Some(Fault::Pass) => respond(&arrival, &carry_out(&arrival, &call)),
        Some(Fault::Stall(pause)) => {
            tokio::time::sleep(pause).await;
            respond(&arrival, &carry_out(&arrival, &call))
        }
        Some(Fault::Cut) => {
            let answer = carry_out(&arrival, &call);
            cut(respond(&arrival, &answer), line).await
        }
        Some(Fault::Drop) => match line {
            Some(line) => {
                line.close();
                Response::new(Body::empty())
            }
            None => respond(&arrival, &Answer::html(502)),
        },
        Some(fault) => {
            let answer = scripted(&arrival, fault);
            respond(&arrival, &answer)
        }
    }
}

async fn call(request: Request) -> Call {
    let (head, body) = request.into_parts();
    let header = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut pairs = Pairs::<Vec<(String, String)>>::try_from_uri(&head.uri).map_or(Vec::new(), |pairs| pairs.0);
    let body = body::to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    if head.uri.path().starts_with(accounts::PREFIX) {
        pairs.extend(form_pairs(&body));
    }
    Call {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: Query(pairs),
        authorization: header(AUTHORIZATION),
        org_id: header(HeaderName::from_static("orgid")),
        body,
    }
}

/// A form's body has the syntax of a query.
fn form_pairs(form: &Bytes) -> Vec<(String, String)> {
    let uri = std::str::from_utf8(form).ok().and_then(|form| format!("/?{}", form.trim()).parse().ok());
    uri.and_then(|uri| Pairs::try_from_uri(&uri).ok()).map_or(Vec::new(), |pairs| pairs.0)
}

fn arrive(sandbox: &Sandbox, call: &Call) -> Arrival {
    let desk = desk::is_below(&call.path);
    let token = call.path == TOKEN_PATH;
    let mut state = sandbox.state();
    if desk {
        state.in_flight += 1;
        state.peak_in_flight = state.peak_in_flight.max(state.in_flight);
    }
    if token {
        state.accounts.requests += 1;
    }
    let in_flight = if desk { state.in_flight } else { 0 };
    let crowded = in_flight > state.settings.concurrency || (desk && !state.takes_one_more());
    let pairs = call.query.0.iter().filter(|_| !call.path.starts_with(accounts::PREFIX));
    let query = pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let entry = Logged {
        method: call.method.clone(),
        path: call.path.clone(),
        query,
        org_id: call.org_id.clone(),
        status: 0,
        credits: 0,
        records: 0,
        depth: call.depth(),
        in_flight,
        at: state.now(),
        took: Duration::ZERO,
    };
    let number = state.journal.arrival(entry);
    let fault = if crowded { None } else { state.faults.take(&call.path) };
    let pause = if desk && !crowded { state.pause() } else { Duration::ZERO };
    drop(state);
    Arrival { sandbox: sandbox.clone(), number, desk, crowded, fault, pause, since: Instant::now() }
}

/// The answer that the request has earned.
fn carry_out(arrival: &Arrival, call: &Call) -> Answer {
    if arrival.crowded {
        return Answer::too_many_requests();
    }
    let mut state = arrival.sandbox.state();
    if arrival.desk {
        state.desk_request();
        state.settle();
        return desk::answer(&mut state, call);
    }
    if call.path.starts_with(accounts::PREFIX) {
        return accounts::answer(&mut state, call);
    }
    if call.path.starts_with(campaigns::PREFIX) {
        return campaigns::answer(&mut state, call);
    }
    Answer::html(404)
}

fn scripted(arrival: &Arrival, fault: Fault) -> Answer {
    match fault {
        Fault::Status { status, body, content_type } => Answer::new(status, content_type, body),
        Fault::Html(status) => Answer::html(status),
        Fault::Concurrency => Answer::too_many_requests(),
        Fault::Threshold => Answer::threshold_exceeded(arrival.sandbox.state().seconds_to_midnight()),
        Fault::Unauthorized => Answer::invalid_oauth(),
        Fault::Scope => Answer::scope_mismatch(),
        Fault::Redirect(to) => Answer::new(302, HTML, "").with("Location", to),
        Fault::Garbage => Answer::json(200, "<<< this is no JSON"),
        Fault::ErrorUnder200(code) => Answer::refusal(200, &code, "The request could not be processed."),
        Fault::Throttle => Answer::throttled(arrival.sandbox.state().settings.language),
        Fault::Pass | Fault::Cut | Fault::Drop | Fault::Stall(_) => Answer::html(500),
    }
}

fn respond(arrival: &Arrival, answer: &Answer) -> Response {
    let (cast, now) = {
        let mut state = arrival.sandbox.state();
        let records = answer.rows.unwrap_or_default();
        state.journal.answered(arrival.number, answer.status, answer.credits, records);
        (Arc::clone(&state.cast), state.now())
    };
    let body = answer.body(&cast);
    let empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    // The sandbox's time, not the machine's: readers set their clocks by it.
    if let Ok(date) = HeaderValue::from_str(&now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(DATE, date);
    }
    if !empty {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// Leaves half of the body. On a connection the whole length is announced, and the connection ends.
async fn cut(response: Response, line: Option<Line>) -> Response {
    let (mut head, body) = response.into_parts();
    let whole = body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    let Some(line) = line else { return Response::from_parts(head, Body::from(half)) };
    if half.is_empty() {
        line.close();
    }
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(head, Body::new(Half::new(half)))
}
