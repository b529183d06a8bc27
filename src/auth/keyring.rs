//! The keyring of the system: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows. What is kept in
//! it and under which account is left to `storage`.

use std::sync::mpsc;
use std::time::Duration;

use super::StorageError;
use crate::config::Secret;

/// Time for the keyring to answer. A locked one asks the person at the screen for its password; a nightly job has nobody
/// there, and must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the keyring holds for an account; none when it holds nothing.
pub(super) fn get(account: &str) -> Result<Option<Secret>, StorageError> {
    Ok(within_time(account, system::get)?.and_then(|text| Secret::new(&text)))
}

/// Puts a secret there, in the place of what it holds for the account.
pub(super) fn set(account: &str, secret: &Secret) -> Result<(), StorageError> {
    let secret = secret.clone();
    within_time(account, move |account| system::set(account, secret.expose()))
}

/// Takes it away; nothing happens when there is none.
pub(super) fn delete(account: &str) -> Result<(), StorageError> {
    within_time(account, system::delete)
}

/// Asks on a thread of its own: the libraries block, and a question that nobody answers must not keep the program.
fn within_time<T: Send + 'static>(
    account: &str,
    ask: impl FnOnce(&str) -> Result<T, String> + Send + 'static,
) -> Result<T, StorageError> {
    let (sender, answer) = mpsc::channel();
    let account = account.to_owned();
    std::thread::spawn(move || sender.send(ask(&account)));
    match answer.recv_timeout(PATIENCE) {
        Ok(answer) => answer.map_err(|reason| StorageError::Keyring { reason }),
        Err(_) => Err(StorageError::Keyring { reason: format!("no answer within {} seconds", PATIENCE.as_secs()) }),
    }
}

#[cfg(feature = "keyring")]
mod system {
    use keyring::{Entry, Error};

    /// The service under which entries are filed.
    const SERVICE: &str = "deskhouse";

    pub(super) fn get(account: &str) -> Result<Option<String>, String> {
        match entry(account)?.get_password() {
            Ok(text) => Ok(Some(text)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    pub(super) fn set(account: &str, secret: &str) -> Result<(), String> {
        entry(account)?.set_password(secret).map_err(|error| told(&error))
    }

    pub(super) fn delete(account: &str) -> Result<(), String> {
        match entry(account)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }

    fn entry(account: &str) -> Result<Entry, String> {
        match Entry::store_status() {
            Ok(()) => Entry::new(SERVICE, account).map_err(|error| told(&error)),
            Err(error) => Err(told(error)),
        }
    }

    /// The causes alone. Errors about what was read may show it, so those say no more than their kind.
    fn told(error: &Error) -> String {
        match error {
            Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => cause.to_string(),
            Error::Ambiguous(_) => "it has several entries of this name".into(),
            Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it holds is no text".into(),
            other => other.to_string(),
        }
    }
}

#[cfg(not(feature = "keyring"))]
mod system {
    const ABSENT: &str = "this deskhouse was built without the feature `keyring`";

    pub(super) fn get(_account: &str) -> Result<Option<String>, String> {
        Err(ABSENT.into())
    }

    pub(super) fn set(_account: &str, _secret: &str) -> Result<(), String> {
        Err(ABSENT.into())
    }

    pub(super) fn delete(_account: &str) -> Result<(), String> {
        Err(ABSENT.into())
    }
}
