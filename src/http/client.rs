//! One request, from a turn in the queue to an answer or a reason: permit, reserve, token, send, classify, retry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::Response;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::answer::{self, Answer, Failure, Refusal};
use super::edition::Edition;
use super::limits::{Limits, Seat, Traffic};
use super::price::Price;
use super::{Budget, Credits, Denial, Error, Hold, Patience, Priority, Request, Shortage, Told};
use crate::auth::{self, AccessToken, Tokens};
use crate::clock::Clock;
use crate::config::{OrgId, Product, Reserve, Servers};
use crate::ledger::{Sharing, Spending, Spent, Today, Usage};
use crate::transport::Transport;

/// Header that says how many credits a request has cost (Zoho's page on API credits).
pub const WEIGHT: &str = "x-rate-limit-request-weight-v3";

/// Header that says how many credits the portal has left today.
pub const REMAINING: &str = "x-rate-limit-remaining-v3";

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the products answer. The midnight of their data centre ends the credit day.
    pub servers: Servers,
    /// Portal; sent with each request once it is known.
    pub org_id: Option<OrgId>,
    /// Most requests at a time.
    pub concurrency: u32,
    /// Most requests in a second, where there is such a limit.
    pub requests_per_second: Option<u32>,
    /// Credits that are left to others.
    pub reserve: Reserve,
    /// Most credits that this program spends in a day, in all its runs.
    pub daily_credits: Option<u64>,
    /// How important the command is: none of its requests is more important.
    pub priority: Priority,
    /// How often a failing request is tried.
    pub patience: Patience,
    /// Gives a random number from 0 up to 1, by which waits are spread; a simulation gives its own.
    pub random: fn() -> f64,
}

/// Asks the Desk API and other products. Shared by all streams of a run.
pub struct Client {
    transport: Arc<dyn Transport>,
    tokens: Tokens,
    clock: Clock,
    settings: Settings,
    limits: Limits,
    books: Mutex<Books>,
    /// Told when a request has ended, or the ledger was asked: what is held for it may be spent by others.
    pub(super) settled: Notify,
}

pub(super) struct Books {
    pub(super) credits: Credits,
    day_end: DateTime<Utc>,
    org_id: Option<OrgId>,
    /// The portal's clock less ours, once an answer has told it.
    skew: Option<TimeDelta>,
}

impl Books {
    /// The portal's time, or ours as long as nothing better is known.
    fn portal_time(&self, ours: DateTime<Utc>) -> DateTime<Utc> {
        ours + self.skew.unwrap_or_default()
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Reply {
    /// The last answer as it came, if there was one.
    pub response: Option<Response<Bytes>>,
    /// Whether it is a good one.
    pub outcome: Result<(), Error>,
}

impl Client {
    /// A client for one portal. Nothing is sent yet.
    pub fn new(transport: Arc<dyn Transport>, tokens: Tokens, clock: Clock, settings: Settings) -> Self {
        let books = Books {
            credits: Credits::new(
                settings.reserve,
                settings.daily_credits,
                settings.servers.data_center().credit_day_start(clock.now()),
            ),
            day_end: settings.servers.data_center().credit_day_end(clock.now()),
            org_id: settings.org_id.clone(),
            skew: None,
        };
        let limits = Limits::new(settings.concurrency, settings.requests_per_second);
        Self { transport, tokens, clock, settings, limits, books: Mutex::new(books), settled: Notify::new() }
    }

    /// Reads a page of a list: asks once, or as often as it is worth trying.
    pub async fn get(&self, request: &Request) -> Result<Answer, Error> {
        self.ask(request, |response| answer::page(response, request.records, request.limit()), &mut None).await
    }

    /// Asks for anything. The answer comes as it is, that of a refusal too; what writes is not sent again unless it was
    /// surely not carried out.
    pub async fn send(&self, request: &Request) -> Reply {
        let mut response = None;
        let outcome = self.ask(request, answer::anything, &mut response).await;
        Reply { response, outcome }
    }

    /// Signs in; gives the time up to which the access token is good.
    pub async fn sign_in(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.tokens.current().await?.expires_at())
    }

    /// Asks until there is an answer that can be read, or a reason. `last` is the answer of the last attempt.
    async fn ask<T>(
        &self,
        request: &Request,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure>,
        last: &mut Option<Response<Bytes>>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let mut token = self.tokens.current().await?;
        let mut renewed = false;
        let mut tries = 1;
        loop {
            *last = None;
            let failure = match self.attempt(request, &token).await? {
                Ok(response) => match read(last.insert(response)) {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            if failure == Failure::Unauthorized && !renewed {
                token = self.tokens.renew(&token).await?;
                renewed = true;
                continue;
            }
            let patience = match request.tries_if_heavy.filter(|_| failure.is_heavy()) {
                Some(tries) => Patience { tries: tries.min(self.settings.patience.tries) },
                None => self.settings.patience,
            };
            match patience.wait(&failure, request.only_reads(), tries, (self.settings.random)()) {
                Some(wait) => {
                    tracing::debug!(request = %request, tries, wait_ms = wait.as_millis() as u64, "trying again");
                    tokio::time::sleep(wait).await;
                    tries += 1;
                    // The wait may have outlived the token.
                    token = self.tokens.current().await?;
                }
                None => return Err(self.give_up(request, failure, tries, start.elapsed().as_secs_f64())),
            }
        }
    }

    /// A seat for somebody who asks one request after the other, whether or not one is free.
    pub fn seat(&self, precedence: u8) -> Seat<'_> {
        self.limits.seat(precedence)
    }

    /// A seat, if there are few askers for the requests that the portal grants at a time.
    pub fn free_seat(&self, precedence: u8) -> Option<Seat<'_>> {
        self.limits.free_seat(precedence)
    }

    /// What is under way.
    pub fn traffic(&self) -> Traffic {
        self.limits.traffic()
    }

    /// The portal's clock less ours, to the second; none before its first answer.
    pub fn skew(&self) -> Option<TimeDelta> {
        self.books().skew
    }

    /// Takes over what another client has learnt of the portal's clock.
    pub fn set_skew(&self, skew: TimeDelta) {
        self.learn_time(&mut self.books(), skew);
    }

    /// The portal's time: ours, corrected by the `Date` of its last answer. Bookmarks are kept on this clock.
    pub fn portal_now(&self) -> DateTime<Utc> {
        self.books().portal_time(self.clock.now())
    }

    /// Sets the portal, once it is known.
    pub fn set_org_id(&self, org_id: OrgId) {
        self.books().org_id = Some(org_id);
    }

    /// Tells what the portal's edition gives.
    pub fn remember_edition(&self, edition: Edition) {
        self.books().credits.remember_edition(edition.credits);
        self.limits.bound(self.settings.concurrency.min(edition.for_one_program()));
    }

    /// Tells what earlier runs of a credit day have seen left and have spent, and how many requests at a time they were
    /// granted.
    pub fn remember_today(&self, day: DateTime<Utc>, today: Today) {
        let mut books = self.books();
        if let Some(most) = today.most {
            books.credits.remember(most);
        }
        if let Some(ever) = today.ever {
            books.credits.remember_ever(ever);
        }
        books.credits.confirm(day, today.spent, 1);
        drop(books);
        if let Some(concurrency) = today.concurrency {
            self.limits.begin_with(concurrency);
        }
    }

    /// What one resource has cost so far.
    pub fn usage_of(&self, resource: &str) -> Usage {
        self.books().credits.of(resource)
    }

    /// What everything has cost so far.
    pub fn usage(&self) -> Usage {
        self.books().credits.total()
    }

    /// Credits that the portal has left, as last seen.
    pub fn credits_left(&self) -> Option<u64> {
        self.books().credits.left()
    }

    /// Most credits that were seen left today.
    pub fn most_credits(&self) -> Option<u64> {
        self.books().credits.most()
    }

    /// What has been spent since this was last asked, for the ledger.
    pub fn take_spending(&self) -> Spending {
        let credits = &mut self.books().credits;
        Spending {
            bookings: credits.take_bookings(),
            day: credits.day(),
            total: credits.total(),
            left: credits.left(),
            most: credits.most(),
            concurrency: self.limits.learnt(),
        }
    }

    /// Tells what the ledger says of all runs of a credit day.
    pub fn confirm_spending(&self, day: DateTime<Utc>, spent: Spent) {
        self.books().credits.confirm(day, spent.credits, spent.share.runs.into());
        self.settled.notify_waiters();
        self.share(spent.share.requests);
    }

    /// What this client holds of the requests at a time that runs share, for the ledger.
    pub fn sharing(&self) -> Sharing {
        self.limits.sharing()
    }

    /// Tells how many requests at a time other runs leave to this one; as many as are configured until this is told.
    pub fn share(&self, requests: u32) {
        self.limits.share(requests);
    }

    /// Credits that this client may still spend today, and on a whole day.
    pub fn budget(&self) -> Budget {
        self.books().credits.budget(self.settings.priority)
    }

    /// When the portal's credit day began.
    pub fn credit_day_start(&self) -> DateTime<Utc> {
        self.settings.servers.data_center().credit_day_start(self.portal_now())
    }

    /// Sends once: an answer of whatever kind, or why there is none.
    async fn attempt(&self, request: &Request, token: &AccessToken) -> Result<Result<Response<Bytes>, Failure>, Error> {
        let mut turn = self.limits.turn(request.precedence, request.resource).await;
        let sent = self.sendable(request, token).map_err(|error| Error::Spent {
            request: request.to_string(),
            tries: 1,
            seconds: 0.0,
            cause: error.to_string(),
            is_heavy: false,
        })?;
        let price = self.price_held(request).await?;
        turn.begin();
        Ok(match self.transport.send(sent).await {
            Ok(response) => {
                self.book(request, price, &response);
                if answer::is_crowded(&response) {
                    turn.refused();
                } else if response.status().is_success() {
                    turn.good();
                }
                Ok(response)
            }
            Err(error) => {
                let failure = Failure::of(&error);
                if let (Failure::Unsent(_), Some(price)) = (&failure, price) {
                    price.give_back();
                }
                Err(failure)
            }
        })
    }

    /// Holds what a request is expected to cost, as soon as it may be spent; nothing for what costs no credits of Desk.
    async fn price_held<'a>(&'a self, request: &'a Request) -> Result<Option<Price<'a>>, Error> {
        let Some(endpoint) = request.endpoint() else { return Ok(None) };
        loop {
            let settled = self.settled.notified();
            match self.try_to_hold(request, &endpoint) {
                Ok(hold) => return Ok(Some(Price { client: self, request, endpoint, hold: Some(hold) })),
                Err(Denial::Later) => settled.await,
                Err(Denial::Short(shortage)) => {
                    return Err(Error::OutOfCredits { shortage, until: self.books().day_end });
                }
            }
        }
    }

    fn sendable(&self, request: &Request, token: &AccessToken) -> Result<::http::Request<Bytes>, ::http::Error> {
        let mut authorization = ::http::HeaderValue::try_from(format!("Zoho-oauthtoken {}", token.expose()))?;
        authorization.set_sensitive(true);
        let url = request.url(&self.settings.servers.url(request.product));
        let mut builder = ::http::Request::builder()
            .method(request.method.clone())
            .uri(url)
            .header(::http::header::AUTHORIZATION, authorization);
        if let Some(org_id) = self.books().org_id.as_ref().filter(|_| request.product.is_desk) {
            builder = builder.header("orgId", org_id.as_str());
        }
        if request.json.is_some() {
            builder = builder.header(::http::header::CONTENT_TYPE, "application/json");
        }
        builder.body(request.json.clone().unwrap_or_default())
    }

    fn try_to_hold(&self, request: &Request, endpoint: &str) -> Result<Hold, Denial> {
        let mut books = self.books();
        let now = books.portal_time(self.clock.now());
        if now >= books.day_end {
            books.credits.turn_day(self.settings.servers.data_center().credit_day_start(now));
            books.day_end = self.settings.servers.data_center().credit_day_end(now);
        }
        books.credits.hold(endpoint, request.depth(), request.priority.max(self.settings.priority))
    }

    fn learn_time(&self, books: &mut Books, skew: TimeDelta) {
        if books.skew.replace(skew).is_some() {
            return;
        }
        // Until now the day was guessed by our clock, which may be wrong.
        let (now, data_center) = (self.clock.now() + skew, self.settings.servers.data_center());
        books.day_end = data_center.credit_day_end(now);
        let day = data_center.credit_day_start(now);
        if day != books.credits.day() {
            books.credits.turn_day(day);
        }
    }

    fn book(&self, request: &Request, price: Option<Price<'_>>, response: &Response<Bytes>) {
        let mut books = self.books();
        let date = answer::date(response);
        if let Some(date) = date {
            self.learn_time(&mut books, date - self.clock.now());
        }
        let Some((mut price, hold)) = price.and_then(|mut price| price.hold.take().map(|hold| (price, hold))) else {
            // Only Desk counts credits; what another product says of its own limits is none of these books' business.
            return books.credits.count(request.resource);
        };
        let data_center = self.settings.servers.data_center();
        let told = Told {
            weight: answer::header(response, WEIGHT),
            left: answer::header(response, REMAINING),
            day: date.map(|date| data_center.credit_day_start(date)),
            is_doubtful: response.status().is_success() || response.status().is_server_error(),
        };
        let day = books.credits.day();
        books.credits.settle(&hold, request.resource, std::mem::take(&mut price.endpoint), request.depth(), told);
        if books.credits.day() != day {
            books.day_end = data_center.credit_day_end(books.credits.day());
        }
        self.settled.notify_waiters();
    }

    fn give_up(&self, asked: &Request, failure: Failure, tries: u32, seconds: f64) -> Error {
        let (request, is_heavy) = (asked.to_string(), failure.is_heavy());
        match failure {
            Failure::Transient(cause) if !asked.only_reads() => Error::Uncertain { request, cause: cause.to_string() },
            Failure::Unsent(cause) | Failure::Transient(cause) => {
                Error::Spent { request, tries, seconds, cause: cause.to_string(), is_heavy }
            }
            Failure::Oversized { expected, found } => Error::Oversized { request, expected, found },
            Failure::Concurrency => {
                let cause = "429 too many calls of this portal at a time".into();
                Error::Spent { request, tries, seconds, cause, is_heavy }
            }
            Failure::CreditsGone(seconds) => {
                let mut books = self.books();
                books.credits.exhaust();
                let now = books.portal_time(self.clock.now());
                let until = seconds
                    .and_then(|seconds| TimeDelta::try_seconds(i64::try_from(seconds).ok()?))
                    .map_or(books.day_end, |wait| now + wait);
                Error::OutOfCredits { shortage: Shortage::Gone, until }
            }
            Failure::Unauthorized if asked.product.is_desk => {
                Error::SignIn(auth::Error::NotAccepted { host: self.host(asked.product) })
            }
            // Desk may well take the same token: a scope of the other product is missing, or the product itself.
            Failure::Unauthorized => Error::NotGranted { request, code: "401".into() },
            Failure::Redirect => Error::Redirected { request, host: self.host(asked.product) },
            Failure::Refused(Refusal { status, code, problem, fields }) => match (status, code.as_str()) {
                (_, "OAUTH_ORG_MISMATCH") => {
                    let org_id = self.books().org_id.as_ref().map_or_else(String::new, ToString::to_string);
                    Error::OtherPortal { org_id }
                }
                (401 | 403, _) | (_, "SCOPE_MISMATCH" | "FORBIDDEN" | "LICENSE_ACCESS_LIMITED") => {
                    Error::NotGranted { request, code: if code.is_empty() { status.to_string() } else { code } }
                }
                (404, _) => Error::NotFound { request },
                (422, _) => Error::Unprocessable { request, code, problem, fields },
                _ => Error::Refused { request, status, code },
            },
        }
    }

    fn host(&self, product: &Product) -> String {
        self.settings.servers.url(product).host_str().unwrap_or_default().to_owned()
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
