//! What every sign-in has in common: before anything is asked for, who asks and whether the answer can be kept; after it,
//! keeping it, looking whether it is in force, and greeting the portal with it.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::portal::Portals;
use super::{Asking, Place, ask};
use crate::auth::{self, Accounts, Client, Code, Credentials, Granted, Storage, Stored};
use crate::cli::{World, print, wiring};
use crate::config::{Config, DataCenter, GrantType, RefreshToken, Secret};
use crate::error::{Class, Error, http_hint};
use crate::report::chain;
use crate::transport::{Network, Transport};

/// A sign-in under way.
pub(super) struct SignIn<'a> {
    world: &'a World,
    flags: Vec<(&'static str, String)>,
    pub(super) config: Config,
    pub(super) client: Client,
    /// What has to be kept beside the token, since the configuration does not have it.
    news: Stored,
    place: Option<Storage>,
    /// The refresh token that ends once the new one works, and the accounts server that knows it.
    old: Option<(Url, Secret)>,
    transport: Arc<dyn Transport>,
}

impl<'a> SignIn<'a> {
    /// Settles who asks and where the token will be kept. Nothing is sent; what cannot be kept fails here, since a code
    /// that has been exchanged is gone.
    pub(super) fn prepare(world: &'a World, asking: &Asking, grant: GrantType) -> Result<Self, Error> {
        let mut flags = vec![("zoho.grant", grant.word().to_owned())];
        flags.extend(asking.data_center.clone().map(|code| ("zoho.data_center", code)));
        flags.extend((!asking.scopes.is_empty()).then(|| ("zoho.scopes", asking.scopes.join(","))));
        let configured = wiring::config(&world.global, Vec::new())?;
        let config = wiring::config(&world.global, flags.clone())?;
        // Before a person is asked for anything.
        wiring::scopes(&config, &asking.resources)?;

        let mut news = Stored::default();
        let id = match &config.zoho.client_id {
            Some(id) => id.clone(),
            None => {
                let id = ask::word("client id")?;
                news = news.with_text("zoho.client_id", &id);
                id
            }
        };
        let secret = match &config.zoho.client_secret {
            Some(secret) => secret.clone(),
            None => {
                let secret = ask::secret("client secret")?;
                news = news.with("zoho.client_secret", secret.clone());
                secret
            }
        };
        let client = Client { id, secret };
        if configured.zoho.data_center != config.zoho.data_center {
            news = news.with_text("zoho.data_center", config.zoho.data_center.code());
        }
        if configured.zoho.grant != grant {
            news = news.with_text("zoho.grant", grant.word());
        }
        if grant == GrantType::ClientCredentials && configured.zoho.scopes != config.zoho.scopes {
            news = news.with_text("zoho.scopes", &config.zoho.scopes.join(","));
        }
        let old = match (&configured.zoho.refresh_token, asking.revoke_old) {
            (Some(token), true) => {
                let url = configured.zoho.accounts_url.clone();
                let token = auth::refresh_token(token, &auth::account(&client.id, &url))?;
                Some((url, token))
            }
            (_, _) => None,
        };
        let transport = Arc::new(Network::new()?);
        let mut sign_in = Self { world, flags, config, client, news, place: None, old, transport };
        sign_in.place = sign_in.storage(asking.store)?;
        if let Some(place) = &sign_in.place {
            place.check(&sign_in.news.clone().with_text("zoho.refresh_token", "1000.tried.first"))?;
        }
        Ok(sign_in)
    }

    /// The accounts server that the configuration names.
    pub(super) fn accounts(&self) -> Accounts {
        self.accounts_at(self.config.zoho.accounts_url.clone())
    }

    fn accounts_at(&self, url: Url) -> Accounts {
        Accounts::new(Arc::clone(&self.transport), url, self.world.clock.clone())
    }

    /// Trades a code, in the data centre that the answer has named if it has named one.
    pub(super) async fn exchange(&mut self, code: &Code, data_center: Option<DataCenter>) -> Result<Granted, Error> {
        if let Some(data_center) = data_center {
            self.move_to(data_center)?;
        }
        Ok(self.accounts().exchange(&self.client, code).await?)
    }

    /// Moves to the data centre that an answer has named; it is kept with the token.
    fn move_to(&mut self, data_center: DataCenter) -> Result<(), Error> {
        if data_center == self.config.zoho.data_center {
            return Ok(());
        }
        self.world.log.say(&format!(
            "the person who signed in belongs to the data centre {}, not {}",
            data_center.code(),
            self.config.zoho.data_center.code()
        ));
        self.flags.push(("zoho.data_center", data_center.code().to_owned()));
        self.config = wiring::config(&self.world.global, self.flags.clone())?;
        self.news = self.news.clone().with_text("zoho.data_center", data_center.code());
        if let Some(Storage::Keyring { account, .. }) = &mut self.place {
            *account = auth::account(&self.client.id, &self.config.zoho.accounts_url);
        }
        Ok(())
    }

    /// Keeps what was granted, and shows that it works.
    pub(super) async fn keep(self, granted: Granted) -> Result<Class, Error> {
        let stored = self.news.clone().with("zoho.refresh_token", granted.refresh_token.clone());
        self.store(&stored)?;
        self.look_whether_in_force(&granted.refresh_token)?;
        let grant = auth::Grant::RefreshToken(granted.refresh_token);
        let credentials = Credentials { client: self.client.clone(), grant };
        // What was granted is safe now: a cache that cannot be written costs the next command a request, and no more.
        if let Err(error) = self.tokens(credentials.clone()).adopt(granted.access_token).await {
            self.world.log.warn(&chain(&error));
        }
        self.greet(credentials).await?;
        self.revoke_old().await?;
        Ok(Class::Done)
    }

    /// Keeps what a sign-in without a refresh token needs, once it has worked.
    pub(super) async fn keep_client_credentials(self, scopes: Vec<String>) -> Result<Class, Error> {
        let org_id = self.config.zoho.org_id.clone();
        let org_id = org_id.ok_or_else(|| Error::Usage {
            message: "client credentials need the number of the portal".into(),
            hint: "put ZOHO_ORG_ID in the environment or in `.env`; it is in Zoho Desk under Setup > Developer Space > API".into(),
        })?;
        let grant = auth::Grant::ClientCredentials { org_id, scopes };
        let credentials = Credentials { client: self.client.clone(), grant };
        self.tokens(credentials.clone()).current().await?;
        self.store(&self.news)?;
        self.greet(credentials).await?;
        self.revoke_old().await?;
        Ok(Class::Done)
    }

    fn tokens(&self, credentials: Credentials) -> auth::Tokens {
        wiring::tokens(&self.config, Arc::clone(&self.transport), credentials, &self.world.clock)
    }

    fn store(&self, stored: &Stored) -> Result<(), Error> {
        match &self.place {
            Some(place) => {
                place.keep(stored)?;
                self.world.say(&format!("kept in {}", place.shown()));
            }
            None => stored.lines()?.iter().try_for_each(|line| print(line))?,
        }
        Ok(())
    }

    /// A variable of the environment wins over every file, and an old token in it over the new one.
    fn look_whether_in_force(&self, token: &Secret) -> Result<(), Error> {
        let expected = match &self.place {
            None => return Ok(()),
            Some(Storage::Keyring { .. }) => RefreshToken::Keyring,
            Some(_) => RefreshToken::Given(token.clone()),
        };
        let config = wiring::config(&self.world.global, Vec::new())?;
        let in_force = [
            ("zoho.refresh_token", config.zoho.refresh_token.as_ref() == Some(&expected)),
            ("zoho.grant", config.zoho.grant == self.config.zoho.grant),
            ("zoho.client_id", config.zoho.client_id.as_deref() == Some(self.client.id.as_str())),
            ("zoho.data_center", config.zoho.data_center == self.config.zoho.data_center),
        ];
        for (name, _) in in_force.iter().filter(|(_, in_force)| !in_force) {
            if let Some(source) = config.sources.of(name) {
                self.world
                    .log
                    .warn(&format!("what was kept is not in force: {source} has another `{name}`, which wins"));
                self.world.log.hint("take the other one away");
            }
        }
        Ok(())
    }

    /// Asks which portals the token reaches. That this fails does not undo the sign-in.
    async fn greet(&self, credentials: Credentials) -> Result<(), Error> {
        let client = wiring::client_with(&self.config, credentials, &self.world.clock)?;
        match Portals::ask(&client).await {
            Ok(portals) => {
                let configured = self.config.zoho.org_id.as_ref();
                self.world.say(&format!("signed in: {}", portals.sentence()));
                for warning in portals.warnings(configured) {
                    self.world.log.warn(&warning);
                }
            }
            Err(error) => {
                self.world.log.warn(&format!("signed in, but the portal was not reached: {}", chain(&error)));
                if let Some(hint) = http_hint(&error) {
                    self.world.log.hint(&hint);
                }
            }
        }
        Ok(())
    }

    async fn revoke_old(&self) -> Result<(), Error> {
        if let Some((url, token)) = &self.old {
            self.accounts_at(url.clone()).revoke(&self.client, token).await?;
            self.world.say("the refresh token that was used so far is revoked");
        }
        Ok(())
    }

    fn storage(&self, place: Place) -> Result<Option<Storage>, Error> {
        let dot_env = wiring::working_dir()?.join(".env");
        Ok(match place {
            Place::Env => Some(Storage::DotEnv(dot_env)),
            Place::Config => Some(Storage::ConfigFile(self.config_file()?)),
            Place::Keyring => {
                let account = auth::account(&self.client.id, &self.config.zoho.accounts_url);
                Some(Storage::Keyring { account, dot_env })
            }
            Place::Stdout => None,
        })
    }

    fn config_file(&self) -> Result<PathBuf, Error> {
        match &self.config.sources.file {
            Some(file) => Ok(file.clone()),
            None => Ok(wiring::working_dir()?.join("deskhouse.toml")),
        }
    }
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
