//! A valid access token for whoever asks, and how a person gets to have one. One request for many who wait, in this
//! process and in others; when to ask for a new one after a refusal is `http`'s decision.

mod cache;
mod callback;
mod dot_env;
mod error;
mod exchange;
mod keyring;
mod login;
mod private;
mod storage;
mod token;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use url::Url;

pub use cache::Cache;
pub use callback::{Browser, Listener};
pub use error::{Error, Refusal};
pub use exchange::{Accounts, Granted};
pub use login::{Asked, Authorization, Code, LoginError};
pub use storage::{Storage, StorageError, Stored, account, refresh_token};
pub use token::AccessToken;

use crate::clock::Clock;
use crate::config::{OrgId, Secret};
use crate::transport::Transport;
use cache::{Entry, Lock};

/// A client that was registered in Zoho's API console.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its password.
    pub secret: Secret,
}

/// What is presented to get access tokens.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who asks.
    pub client: Client,
    /// On whose behalf.
    pub grant: Grant,
}

/// On whose behalf a client asks.
#[derive(Debug, Clone)]
pub enum Grant {
    /// On that of the person or service account whose consent the refresh token stands for.
    RefreshToken(Secret),
    /// On its own, in one portal; only self clients can.
    ClientCredentials {
        /// The portal.
        org_id: OrgId,
        /// What the token shall allow.
        scopes: Vec<String>,
    },
}

/// How things stand with the tokens, as far as the cache knows.
#[derive(Debug, Clone)]
pub struct Standing {
    /// When the current access token expires; none when there is none that can be used.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it allows; nothing where the accounts server did not say.
    pub scopes: Vec<String>,
    /// Token requests that may still be sent in these ten minutes.
    pub requests_left: usize,
    /// End of a block that Zoho spoke out.
    pub blocked_until: Option<DateTime<Utc>>,
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
    accounts: Accounts,
    credentials: Credentials,
    cache: Cache,
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
        Self { accounts: Accounts::new(transport, accounts_url, clock), credentials, cache, held: Mutex::new(None) }
    }

    /// Makes a token the current one that came with a refresh token, so that the first command needs no request for it.
    pub async fn adopt(&self, token: AccessToken) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        let lock = self.cache.lock(self.accounts.url(), &self.credentials).await?;
        let mut entry = lock.read();
        // It took a request, which Zoho has counted.
        entry.requests.push(self.now());
        entry.token = Some(token.clone());
        lock.write(&entry)?;
        *held = Some(token);
        Ok(())
    }

    /// Forgets the current token, because it was revoked.
    pub async fn forget(&self) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        let lock = self.cache.lock(self.accounts.url(), &self.credentials).await?;
        let entry = Entry { token: None, ..lock.read() };
        *held = None;
        lock.write(&entry)
    }

    /// How things stand. Nothing is sent.
    pub async fn standing(&self) -> Result<Standing, Error> {
        let entry = self.cache.lock(self.accounts.url(), &self.credentials).await?.read();
        let now = self.now();
        let token = entry.token.filter(|token| token.is_fresh(now));
        let sent = entry.requests.iter().filter(|request| is_counted(**request, now)).count();
        Ok(Standing {
            expires_at: token.as_ref().map(AccessToken::expires_at),
            scopes: token.map(|token| token.scopes().to_vec()).unwrap_or_default(),
            requests_left: REQUEST_BUDGET.saturating_sub(sent),
            blocked_until: entry.blocked_until.filter(|until| *until > now),
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.accounts.clock().now()
    }

    /// A token with some time left.
    pub async fn current(&self) -> Result<AccessToken, Error> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.is_fresh(self.now())) {
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
            Some(token) if token != refused && token.is_fresh(self.now()) => Ok(token.clone()),
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
        let lock = self.cache.lock(self.accounts.url(), &self.credentials).await?;
        let mut entry = lock.read();
        let now = self.now();
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
            self.spend_request(entry, self.now())?;
            // Written before it is sent: a process that dies now has still used one of the eight.
            lock.write(entry)?;
            match self.accounts.access_token(&self.credentials).await {
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
        let host = self.accounts.host();
        if let Some(until) = entry.blocked_until.filter(|until| *until > now) {
            return Err(Error::Throttled { host, until });
        }
        entry.blocked_until = None;
        entry.requests.retain(|request| is_counted(*request, now));
        if let (true, Some(oldest)) = (entry.requests.len() >= REQUEST_BUDGET, entry.requests.first()) {
            return Err(Error::BudgetSpent { host, budget: REQUEST_BUDGET, until: *oldest + BUDGET_WINDOW });
        }
        entry.requests.push(now);
        Ok(())
    }
}

/// Whether Zoho still counts a request that was sent then.
fn is_counted(request: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    request > now - BUDGET_WINDOW && request <= now
}
