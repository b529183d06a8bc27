//! The browser flow as values: the address that a person opens, and what may be believed of the answer. Pure; waiting for
//! the answer is left to `callback`, trading the code to `exchange`.

use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::Refusal;
use crate::config::{DataCenter, Secret};

/// A code to trade for a refresh token, and what has to be sent with it.
#[derive(Debug, Clone)]
pub struct Code {
    /// The code. It works once, and for minutes.
    pub secret: Secret,
    /// Where the consent was sent back to, to the letter; none for the code of a self client.
    pub redirect_uri: Option<String>,
    /// What the challenge was made from, if there was one.
    pub verifier: Option<Secret>,
}

impl Code {
    /// The code of a self client, which the API console shows.
    pub fn of_self_client(secret: Secret) -> Self {
        Self { secret, redirect_uri: None, verifier: None }
    }
}

/// One consent that is asked for.
#[derive(Debug)]
pub struct Authorization {
    /// Where the person is sent.
    url: Url,
    redirect_uri: String,
    servers: Servers,
    state: Secret,
    verifier: Option<Secret>,
}

/// What a consent is asked for with.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The configured accounts server.
    pub accounts_url: &'a Url,
    /// The configured data centre.
    pub data_center: DataCenter,
    /// The client's id.
    pub client_id: &'a str,
    /// The redirect URI, to the letter as the client was registered with it: Zoho compares texts, and a URL that was read
    /// and written again may have gained a slash.
    pub redirect_uri: &'a str,
    /// What the token shall allow.
    pub scopes: &'a [String],
    /// Whether a challenge binds the code to this program (PKCE, S256).
    pub pkce: bool,
}

/// Which accounts servers the answer may name.
#[derive(Debug)]
enum Servers {
    /// Those of all data centres: a person may belong to another one than was configured.
    Table,
    /// This one alone, which the configuration has named in place of the data centre's.
    Only(Url),
}

/// Why a consent led to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Not an address to listen on.
    #[error("cannot wait for the browser at {uri}")]
    RedirectUri {
        /// The redirect URI.
        uri: String,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Address and port.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody answered.
    #[error("nobody answered in the browser within {}", humantime::format_duration(*after))]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// Nobody brought the address that the browser ended up at.
    #[error("no address was pasted within {}", humantime::format_duration(*after))]
    NotPasted {
        /// How long was waited.
        after: Duration,
    },
    /// The answer belongs to another sign-in, or was made up.
    #[error("an answer came that does not belong to this sign-in (its `state` is not the one that was sent)")]
    OtherState,
    /// The person, or Zoho, said no.
    #[error("the consent was refused ({})", refusal.code())]
    Refused {
        /// The reason.
        refusal: Refusal,
    },
    /// The answer names an accounts server that is none of Zoho's, or not the configured one.
    #[error("the answer names an accounts server that is not trusted, and the code was not sent there")]
    ForeignServer,
    /// The answer has no code, or is no answer.
    #[error("the answer has no code in it")]
    NoCode,
}

impl LoginError {
    /// One thing to do.
    pub fn hint(&self) -> String {
        match self {
            Self::RedirectUri { .. } => {
                "`--redirect-uri` has to be http://localhost or http://127.0.0.1 with a port, as it is registered in the API console; for any other one add `--no-browser` and paste the address that the browser ends up at".into()
            }
            Self::Listen { .. } => {
                "register another port in the API console and give it with `--redirect-uri`, or add `--no-browser`".into()
            }
            Self::TimedOut { .. } => {
                "run the same command again; if the browser cannot reach this machine, add `--no-browser` and paste the address that it ends up at".into()
            }
            Self::NotPasted { .. } => "run the same command again, with more time if need be (`--timeout 15m`)".into(),
            Self::OtherState => {
                "answer in the window that this command opened; an older window belongs to an older sign-in".into()
            }
            Self::Refused { refusal: Refusal::Other(code) } if code == "access_denied" => {
                "press Accept, as a person who may see the whole portal".into()
            }
            Self::Refused { .. } => {
                "one unknown scope voids a consent: check the scopes, and that the client is a server-based application (README, \"Sign in\")".into()
            }
            Self::ForeignServer => {
                "run the same command again; if it stays so, somebody may be trying to get at the client secret, or `zoho.accounts_url` is set and should not be".into()
            }
            Self::NoCode => "paste the whole address, from `http` to its end".into(),
        }
    }
}

impl Authorization {
    /// A new consent, with a state that nobody can guess.
    pub fn new(asked: &Asked<'_>) -> Self {
        let state = random();
        let verifier = asked.pkce.then(random);
        let mut url = asked.accounts_url.clone();
        url.set_path("/oauth/v2/auth");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", asked.client_id)
            .append_pair("redirect_uri", asked.redirect_uri)
            .append_pair("scope", &asked.scopes.join(","))
            // Without the first there is no refresh token, without the second only at the first consent.
            .append_pair("access_type", "offline")
            .append_pair("prompt", "consent")
            .append_pair("state", state.expose());
        if let Some(verifier) = &verifier {
            url.query_pairs_mut()
                .append_pair("code_challenge", &challenge(verifier))
                .append_pair("code_challenge_method", "S256");
        }
        let is_the_data_centers = *asked.accounts_url == asked.data_center.accounts_url();
        let servers = if is_the_data_centers { Servers::Table } else { Servers::Only(asked.accounts_url.clone()) };
        Self { url, redirect_uri: asked.redirect_uri.to_owned(), servers, state, verifier }
    }

    /// Where the person is sent. There is no secret in it: the state serves once, and only for a while.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the answer is sent.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// What the query of the answer says: the code, and the data centre where it has to be traded if that is another one
    /// than was configured.
    ///
    /// The accounts server gets the client secret, so that it is taken from the table of data centres and never from the
    /// answer itself.
    pub fn read(&self, query: &str) -> Result<(Code, Option<DataCenter>), LoginError> {
        let answer = Query::read(query);
        if answer.one("state") != Some(self.state.expose()) {
            return Err(LoginError::OtherState);
        }
        if let Some(code) = answer.one("error") {
            return Err(LoginError::Refused { refusal: Refusal::from_code(code) });
        }
        let data_center = self.data_center(&answer)?;
        let secret = answer.one("code").and_then(Secret::new).ok_or(LoginError::NoCode)?;
        let code = Code { secret, redirect_uri: Some(self.redirect_uri.clone()), verifier: self.verifier.clone() };
        Ok((code, data_center))
    }

    /// The same of a whole address, as somebody pastes it.
    pub fn read_pasted(&self, pasted: &Secret) -> Result<(Code, Option<DataCenter>), LoginError> {
        let url = Url::parse(pasted.expose()).map_err(|_| LoginError::NoCode)?;
        self.read(url.query().ok_or(LoginError::NoCode)?)
    }

    fn data_center(&self, answer: &Query) -> Result<Option<DataCenter>, LoginError> {
        let server = answer.maybe_one("accounts-server").map_err(|_| LoginError::ForeignServer)?;
        let server = server.map(Url::parse).transpose().map_err(|_| LoginError::ForeignServer)?;
        match (&self.servers, server) {
            (Servers::Only(own), Some(server)) if own.origin() != server.origin() => Err(LoginError::ForeignServer),
            (Servers::Only(_), _) => Ok(None),
            (Servers::Table, server) => {
                let location = answer.maybe_one("location").map_err(|_| LoginError::ForeignServer)?;
                let location = location.map(DataCenter::parse).transpose().map_err(|_| LoginError::ForeignServer)?;
                let of = |server: &Url| {
                    DataCenter::ALL.into_iter().find(|center| center.accounts_url().origin() == server.origin())
                };
                match (server.map(|server| of(&server).ok_or(LoginError::ForeignServer)).transpose()?, location) {
                    (Some(server), Some(location)) if server != location => Err(LoginError::ForeignServer),
                    (server, location) => Ok(server.or(location)),
                }
            }
        }
    }
}

/// The pairs of a query. What stands twice counts as not there: it is the work of somebody who hopes that two readers
/// take two of them.
struct Query(Vec<(String, String)>);

impl Query {
    fn read(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.maybe_one(name).ok().flatten()
    }

    /// The value, none where there is none, an error where there are several.
    fn maybe_one(&self, name: &str) -> Result<Option<&str>, ()> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() { Err(()) } else { Ok(first) }
    }
}

/// 256 bits by chance, as hexadecimal digits: what RFC 7636 wants of a verifier, and more than a state needs.
fn random() -> Secret {
    let bytes: [u8; 32] = rand::random();
    let text = bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Secret::new(&text).expect("digits are text")
}

/// S256 of RFC 7636.
fn challenge(verifier: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
