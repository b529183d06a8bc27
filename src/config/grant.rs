//! What a sign-in is made of: which client asks, by which grant, and what is missing for it. Sending it is up to `auth`,
//! which also knows the way to the keyring.

use super::{Error, OrgId, Problem, Secret, Zoho, missing, setting::Setting, value::Refused};

/// How access tokens are obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// With a refresh token, which stands for the person who gave consent.
    RefreshToken,
    /// With client id and secret alone, for a self client; there is no refresh token.
    ClientCredentials,
}

impl GrantType {
    /// By the words of the OAuth standard.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        [Self::RefreshToken, Self::ClientCredentials]
            .into_iter()
            .find(|grant| grant.word() == text.trim())
            .ok_or_else(|| Refused::new("refresh_token or client_credentials"))
    }

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// A refresh token, or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshToken {
    /// The token itself.
    Given(Secret),
    /// It is in the keyring of the system.
    Keyring,
}

impl RefreshToken {
    /// What stands in the place of a token that is in the keyring. No token looks like it.
    pub const KEYRING: &str = "keyring";

    pub(super) fn of(secret: Secret) -> Self {
        if secret.expose() == Self::KEYRING { Self::Keyring } else { Self::Given(secret) }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its password.
    pub secret: &'a Secret,
}

/// What a command needs that signs in.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Who asks.
    pub client: Client<'a>,
    /// On whose behalf.
    pub grant: Grant<'a>,
}

/// On whose behalf a client asks.
#[derive(Clone, Copy, Debug)]
pub enum Grant<'a> {
    /// On that of the person who gave consent.
    RefreshToken(&'a RefreshToken),
    /// On its own, in this portal.
    ClientCredentials(&'a OrgId),
}

impl Zoho {
    /// What a command needs that signs in, or everything of it that is missing.
    pub fn credentials(&self) -> Result<Credentials<'_>, Error> {
        let grant = match self.grant {
            GrantType::RefreshToken => self.refresh_token.as_ref().map(Grant::RefreshToken),
            GrantType::ClientCredentials => self.org_id.as_ref().map(Grant::ClientCredentials),
        };
        match (&self.client_id, &self.client_secret, grant) {
            (Some(id), Some(secret), Some(grant)) => Ok(Credentials { client: Client { id, secret }, grant }),
            _ => Err(self.missing()),
        }
    }

    fn missing(&self) -> Error {
        let granted = match self.grant {
            GrantType::RefreshToken => ("zoho.refresh_token", self.refresh_token.is_some()),
            GrantType::ClientCredentials => ("zoho.org_id", self.org_id.is_some()),
        };
        let names: Vec<&str> = [
            ("zoho.client_id", self.client_id.is_some()),
            ("zoho.client_secret", self.client_secret.is_some()),
            granted,
        ]
        .into_iter()
        .filter_map(|(name, is_set)| (!is_set).then_some(name))
        .collect();
        let variables: Vec<String> = names
            .iter()
            .filter_map(|name| Setting::named(name)?.alias)
            .map(|variable| format!("`{variable}`"))
            .collect();
        let hint = match self.grant {
            GrantType::RefreshToken => format!(
                "run `deskhouse auth exchange`, which asks for what is missing and keeps it, or put {} in the environment or in `.env`; the README's section \"Sign in\" shows where to get them",
                variables.join(", ")
            ),
            GrantType::ClientCredentials => format!("put {} in the environment or in `.env`", variables.join(", ")),
        };
        let problems = names.iter().map(|name| Problem { hint: Some(hint.clone()), ..missing(name) }).collect();
        Error::of(problems).expect("it is asked for only when something is missing")
    }
}

/// Scopes are sent as one list with commas, so none may hold a comma or a blank.
pub(super) fn refused_scope(scopes: &[String]) -> Option<Refused> {
    let plain = |scope: &String| scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (!scopes.iter().all(plain)).then(|| Refused::new("a list of scopes such as Desk.tickets.CREATE"))
}
