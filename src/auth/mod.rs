//! A valid access token for whoever asks. One request for many who wait, in this process and in others; when to ask
//! for a new one after a refusal is `http`'s decision.

mod cache;
mod error;
mod exchange;
mod token;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use url::Url;

pub use cache::Cache;
pub use error::Error;
pub use token::AccessToken;

use crate::clock::Clock;
use crate::config::Secret;
use crate::transport::Transport;
use cache::{Entry, Lock};

/// What a registered client presents to get access tokens.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Client id from the API console.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Refresh token of the person or service account that granted access.
    pub refresh_token: Secret,
}

/// Most token requests in ten minutes, all processes together. Zoho blocks at 10 (zoho.com/accounts/protocol/oauth, "Token
/// limits") and prolongs the block for who goes on asking; two are left for other tools that share the client.
const REQUEST_BUDGET: usize = 8;

/// The time in which requests are counted, and for which Zoho blocks.
const BUDGET_WINDOW: TimeDelta = TimeDelta::minutes(10);

/// Requests of one attempt to get a token, while the accounts server answers with 5xx.
const MOST_TRIES: u32 = 3;

/// Wait before the second of them; the third waits twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Hands out access tokens.
pub struct Tokens {
    transport: Arc<dyn Transport>,
    accounts_url: Url,
    credentials: Credentials,
    cache: Cache,
    clock: Clock,
    held: Mutex<Option<AccessToken>>,
}

impl Tokens {
    /// Tokens for `credentials` from the accounts server at `accounts_url`, shared through `cache`.
    pub fn new(
        transport: Arc<dyn Transport>,
        accounts_url: Url,
        credentials: Credentials,
        cache: Cache,
        clock: Clock,
    ) -> Self {
        Self { transport, accounts_url, credentials, cache, clock, held: Mutex::new(None) }
    }

    /// A token with some time left.
    pub async fn current(&self) -> Result<AccessToken, Error> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.is_fresh(self.clock.now())) {
            return Ok(token.clone());
        }
        self.obtain(&mut held, None).await
    }

    /// A token other than `refused`, which the portal did not take although its time was not over.
    ///
    /// Zoho drops the oldest of more than ten tokens, so another process may have caused the refusal, and its newer token
    /// may be in the cache already: that one is tried before a new one is asked for.
    pub async fn renew(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        let mut held = self.held.lock().await;
        match held.as_ref() {
            Some(token) if token != refused && token.is_fresh(self.clock.now()) => Ok(token.clone()),
            _ => self.obtain(&mut held, Some(refused)).await,
        }
    }

    /// Takes a token from the cache or asks for one. The caller holds the lock of this process; the lock of the cache
    /// keeps other processes out until the new token is in it.
    async fn obtain(
        &self,
        held: &mut Option<AccessToken>,
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken, Error> {
        let lock = self.cache.lock(&self.accounts_url, &self.credentials).await?;
        let mut entry = lock.read();
        let now = self.clock.now();
        let token = match entry.token.take().filter(|token| token.is_fresh(now) && Some(token) != refused) {
            Some(token) => token,
            None => self.request(&lock, &mut entry).await?,
        };
        entry.token = Some(token.clone());
        lock.write(&entry)?;
        *held = Some(token.clone());
        Ok(token)
    }

    /// Asks for a token, and a few times more while the accounts server is in trouble: it may have counted each request.
    async fn request(&self, lock: &Lock, entry: &mut Entry) -> Result<AccessToken, Error> {
        let mut tries = 1;
        loop {
            self.spend_request(entry, self.clock.now())?;
            // Written before it is sent: a process that dies now has still used one of the eight.
            lock.write(entry)?;
            let answer =
                exchange::refresh(self.transport.as_ref(), &self.accounts_url, &self.credentials, &self.clock).await;
            match answer {
                Err(Error::Unavailable { .. }) if tries < MOST_TRIES => {
                    tokio::time::sleep(FIRST_WAIT * tries).await;
                    tries += 1;
                }
                Err(Error::Unavailable { host, status, .. }) => return Err(Error::Unavailable { host, status, tries }),
                Err(Error::Throttled { host, until }) => {
                    entry.blocked_until = Some(until);
                    lock.write(entry)?;
                    return Err(Error::Throttled { host, until });
                }
                answer => return answer,
            }
        }
    }

    fn spend_request(&self, entry: &mut Entry, now: DateTime<Utc>) -> Result<(), Error> {
        let host = exchange::host(&self.accounts_url);
        if let Some(until) = entry.blocked_until.filter(|until| *until > now) {
            return Err(Error::Throttled { host, until });
        }
        entry.blocked_until = None;
        entry.requests.retain(|request| *request > now - BUDGET_WINDOW && *request <= now);
        if let (true, Some(oldest)) = (entry.requests.len() >= REQUEST_BUDGET, entry.requests.first()) {
            return Err(Error::BudgetSpent { host, budget: REQUEST_BUDGET, until: *oldest + BUDGET_WINDOW });
        }
        entry.requests.push(now);
        Ok(())
    }
}
