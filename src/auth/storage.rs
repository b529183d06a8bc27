//! Where what lasts of a sign-in is kept: a `.env` file, the configuration file, or the keyring of the system. Files are
//! replaced in one step and are their owner's alone. Which value wins when several places have one is up to `config`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};
use url::Url;

use super::dot_env::{self, Unchangeable};
use super::{keyring, private};
use crate::config::setting::Setting;
use crate::config::{RefreshToken, Secret};

/// Where what lasts of a sign-in is kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In a `.env` file.
    DotEnv(PathBuf),
    /// In the configuration file.
    ConfigFile(PathBuf),
    /// The refresh token in the keyring, under this account; everything else in a `.env` file, which says so.
    Keyring {
        /// Whose token it is.
        account: String,
        /// The file.
        dot_env: PathBuf,
    },
}

/// Settings that are to be kept, by name.
#[derive(Debug, Clone, Default)]
pub struct Stored(Vec<(&'static str, Secret)>);

/// Why something was not kept.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file cannot be read or written.
    #[error("cannot change {path}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be, and was left as it is.
    #[error("cannot change {path}: it is no {what}")]
    Form {
        /// The file.
        path: String,
        /// What it should be.
        what: &'static str,
    },
    /// A value cannot be written.
    #[error("cannot write `{name}` into {path}: quotes, backslashes and line breaks do not fit")]
    Value {
        /// The setting.
        name: String,
        /// The file.
        path: String,
    },
    /// The keyring of the system did not do it.
    #[error("the keyring of the system cannot be used: {reason}")]
    Keyring {
        /// What it said.
        reason: String,
    },
    /// The configuration says that the token is in the keyring, and it is not.
    #[error("the keyring of the system has no refresh token for {account}")]
    NotInKeyring {
        /// Whose token was looked for.
        account: String,
    },
}

impl StorageError {
    /// One thing to do.
    pub fn hint(&self) -> String {
        match self {
            Self::File { .. } => "choose another place with `--store`, or a folder that this user can write".into(),
            Self::Form { .. } => "mend the file, or choose another place with `--store`".into(),
            Self::Value { .. } => "check what was typed".into(),
            Self::Keyring { .. } => {
                "a keyring needs a desktop session that has unlocked it; on a server keep the token in `.env` (`--store env`)".into()
            }
            Self::NotInKeyring { .. } => {
                "`deskhouse auth exchange --store keyring` or `deskhouse auth login --store keyring` puts one there, as the user who runs the command".into()
            }
        }
    }
}

impl Stored {
    /// The same, with one more setting, or another value of one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Secret) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value));
        self
    }

    /// The same, with one more setting that is no secret.
    #[must_use]
    pub fn with_text(self, name: &'static str, text: &str) -> Self {
        match Secret::new(text) {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// As lines of a `.env` file.
    pub fn lines(&self) -> Result<Vec<String>, StorageError> {
        let line = |(name, value): &(&'static str, Secret)| {
            let line = dot_env::line(&variable(name, ""), value.expose());
            line.map_err(|_| StorageError::Value { name: (*name).to_owned(), path: "stdout".into() })
        };
        self.0.iter().map(line).collect()
    }
}

/// The account under which the keyring has the refresh token of a client.
pub fn account(client_id: &str, accounts_url: &Url) -> String {
    format!("{client_id} at {}", accounts_url.host_str().unwrap_or_default())
}

/// The refresh token itself, wherever it is.
pub fn refresh_token(token: &RefreshToken, account: &str) -> Result<Secret, StorageError> {
    match token {
        RefreshToken::Given(secret) => Ok(secret.clone()),
        RefreshToken::Keyring => {
            keyring::get(account)?.ok_or_else(|| StorageError::NotInKeyring { account: account.to_owned() })
        }
    }
}

impl Storage {
    /// Whether [`Self::keep`] would work, as far as that can be tried: a code is gone once it has been exchanged.
    pub fn check(&self, stored: &Stored) -> Result<(), StorageError> {
        match self {
            Self::DotEnv(path) => change(path, Try::Dry, |text| dot_env_with(path, text, stored)),
            Self::ConfigFile(path) => change(path, Try::Dry, |text| toml_with(path, text, stored)),
            Self::Keyring { account, dot_env } => {
                keyring::get(account)?;
                Self::DotEnv(dot_env.clone()).check(stored)
            }
        }
    }

    /// Keeps the settings.
    pub fn keep(&self, stored: &Stored) -> Result<(), StorageError> {
        match self {
            Self::DotEnv(path) => change(path, Try::Real, |text| dot_env_with(path, text, stored)),
            Self::ConfigFile(path) => change(path, Try::Real, |text| toml_with(path, text, stored)),
            Self::Keyring { account, dot_env } => {
                let mut others = Stored::default();
                for (name, value) in &stored.0 {
                    if *name == TOKEN {
                        keyring::set(account, value)?;
                        others = others.with_text(TOKEN, RefreshToken::KEYRING);
                    } else {
                        others = others.with(name, value.clone());
                    }
                }
                Self::DotEnv(dot_env.clone()).keep(&others)
            }
        }
    }

    /// Takes the refresh token out.
    pub fn forget(&self) -> Result<(), StorageError> {
        match self {
            Self::DotEnv(path) => change(path, Try::Real, |text| {
                let names = [variable(TOKEN, ""), variable(TOKEN, text)].map(|name| (name, String::new()));
                dot_env::with(text, &names).map_err(|_| StorageError::Form { path: shown(path), what: DOT_ENV })
            }),
            Self::ConfigFile(path) => change(path, Try::Real, |text| {
                let mut document = parse(path, text)?;
                let (section, key) = TOKEN.split_once('.').expect("a setting has a section");
                if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
                    table.remove(key);
                }
                Ok(document.to_string())
            }),
            Self::Keyring { account, .. } => keyring::delete(account),
        }
    }

    /// Where it is, for people.
    pub fn shown(&self) -> String {
        match self {
            Self::DotEnv(path) | Self::ConfigFile(path) => shown(path),
            Self::Keyring { account, .. } => format!("the keyring of the system, for {account}"),
        }
    }
}

/// What a `.env` file is called in messages.
const DOT_ENV: &str = "list of NAME=value";

/// The setting that the keyring takes.
const TOKEN: &str = "zoho.refresh_token";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    Dry,
    Real,
}

fn change(path: &Path, how: Try, edit: impl FnOnce(&str) -> Result<String, StorageError>) -> Result<(), StorageError> {
    let failed = |source| StorageError::File { path: shown(path), source };
    // A link stays a link: what it leads to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let text = match fs::read_to_string(&target) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let changed = edit(&text)?;
    match how {
        Try::Dry => private::check(&target).map_err(failed),
        Try::Real => private::replace(&target, changed.as_bytes()).map_err(failed),
    }
}

fn dot_env_with(path: &Path, text: &str, stored: &Stored) -> Result<String, StorageError> {
    stored.0.iter().try_fold(text.to_owned(), |text, (name, value)| {
        let pair = [(variable(name, &text), value.expose().to_owned())];
        dot_env::with(&text, &pair).map_err(|error| match error {
            Unchangeable::NotDotEnv => StorageError::Form { path: shown(path), what: DOT_ENV },
            Unchangeable::Value => StorageError::Value { name: (*name).to_owned(), path: shown(path) },
        })
    })
}

/// The variable that gives a setting its value: the long name where the text has it, for it would win; else the short one.
fn variable(name: &str, text: &str) -> String {
    let setting = Setting::named(name).expect("only settings of the table are kept");
    let long = setting.variable();
    match setting.alias {
        Some(alias) if !dot_env::has(text, &long) => alias.to_owned(),
        _ => long,
    }
}

fn toml_with(path: &Path, text: &str, stored: &Stored) -> Result<String, StorageError> {
    let mut document = parse(path, text)?;
    for (name, secret) in &stored.0 {
        let (section, key) = name.split_once('.').expect("a setting has a section");
        let section = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
        let table = section.as_table_like_mut().ok_or_else(|| StorageError::Form { path: shown(path), what: TOML })?;
        match table.get_mut(key).and_then(Item::as_value_mut) {
            // In its place, so that the comments around it stay.
            Some(old) => {
                let decor = old.decor().clone();
                *old = secret.expose().into();
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(key, value(secret.expose()));
            }
        }
    }
    Ok(document.to_string())
}

/// What a configuration file is called in messages.
const TOML: &str = "configuration in TOML";

fn parse(path: &Path, text: &str) -> Result<DocumentMut, StorageError> {
    // The parser's own message shows the line, which may hold a secret.
    text.parse().map_err(|_| StorageError::Form { path: shown(path), what: TOML })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(values: &[(&'static str, &str)]) -> Stored {
        values.iter().fold(Stored::default(), |stored, (name, text)| stored.with_text(name, text))
    }

    #[test]
    fn a_configuration_file_keeps_its_comments_and_its_other_keys() {
        let text =
            "# mine\n[zoho]\n# who\nclient_id = \"1000.A\" # me\nrefresh_token = \"old\"\n\n[sync]\noverlap = \"5m\"\n";
        let values = stored(&[(TOKEN, "1000.n"), ("zoho.data_center", "eu")]);
        assert_eq!(
            toml_with(Path::new("x.toml"), text, &values).expect("TOML"),
            "# mine\n[zoho]\n# who\nclient_id = \"1000.A\" # me\nrefresh_token = \"1000.n\"\ndata_center = \"eu\"\n\n[sync]\noverlap = \"5m\"\n"
        );
        assert_eq!(
            toml_with(Path::new("x.toml"), "", &stored(&[(TOKEN, "t")])).expect("TOML"),
            "[zoho]\nrefresh_token = \"t\"\n"
        );
    }

    #[test]
    fn the_variable_that_wins_is_the_one_that_is_changed() {
        let values = stored(&[(TOKEN, "new")]);
        let with = |text: &str| dot_env_with(Path::new(".env"), text, &values).expect("lines");
        assert_eq!(with("A=1\n"), "A=1\nZOHO_REFRESH_TOKEN=new\n");
        let both = "ZOHO_REFRESH_TOKEN=a\nDESKHOUSE_ZOHO__REFRESH_TOKEN=b\n";
        assert_eq!(with(both), "ZOHO_REFRESH_TOKEN=a\nDESKHOUSE_ZOHO__REFRESH_TOKEN=new\n");
    }

    #[test]
    fn a_broken_file_is_named_and_not_repeated() {
        let error = toml_with(Path::new("x.toml"), "[zoho\nclient_secret = \"s3cret\"", &stored(&[(TOKEN, "t")]));
        assert_eq!(error.expect_err("broken").to_string(), "cannot change x.toml: it is no configuration in TOML");
    }

    #[test]
    fn lines_name_the_short_variables_and_the_last_of_several_values() {
        let values = [("zoho.data_center", "us"), (TOKEN, "1000.t"), ("zoho.data_center", "eu")];
        let lines = stored(&values).lines().expect("plain values");
        assert_eq!(lines, ["ZOHO_REFRESH_TOKEN=1000.t", "DESKHOUSE_ZOHO__DATA_CENTER=eu"]);
    }
}
