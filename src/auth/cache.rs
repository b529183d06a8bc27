//! The token cache: one small file a client and grant, readable by its owner only, behind a file lock.
//! Processes that share it make one token request between them and count their requests together.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::{AccessToken, Credentials, Error, Grant, private};
use crate::config::Secret;

/// Where tokens are kept between requests and processes.
#[derive(Debug, Clone)]
pub struct Cache(Place);

#[derive(Debug, Clone)]
enum Place {
    Folder(PathBuf),
    Memory(Arc<Mutex<Entry>>),
}

/// What is kept of one client and grant.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) token: Option<AccessToken>,
    /// Times of the last token requests.
    pub(super) requests: Vec<DateTime<Utc>>,
    /// End of a block that Zoho spoke out.
    pub(super) blocked_until: Option<DateTime<Utc>>,
}

/// Exclusive use of one entry, until dropped.
pub(super) struct Lock {
    place: Place,
    /// The open file is the lock: the system gives it back when the process ends, however it ends.
    _file: Option<File>,
}

impl Cache {
    /// A cache in files below `folder`, which is made when it is first needed.
    pub fn folder(folder: PathBuf) -> Self {
        Self(Place::Folder(folder))
    }

    /// A cache that lives as long as the value, for tests and for the demo.
    pub fn memory() -> Self {
        Self(Place::Memory(Arc::default()))
    }

    /// Waits for exclusive use of the entry of these credentials.
    pub(super) async fn lock(&self, accounts_url: &Url, credentials: &Credentials) -> Result<Lock, Error> {
        let Place::Folder(folder) = &self.0 else {
            return Ok(Lock { place: self.0.clone(), _file: None });
        };
        let path = folder.join(format!("token-{}.json", fingerprint(accounts_url, credentials)));
        let lock_path = path.with_extension("lock");
        let opened = {
            let lock_path = lock_path.clone();
            // Another process holds the lock for the time of one token request, which has a time limit.
            tokio::task::spawn_blocking(move || open_locked(&lock_path)).await.map_err(io::Error::other)
        };
        match opened.and_then(|file| file) {
            Ok(file) => Ok(Lock { place: Place::Folder(path), _file: Some(file) }),
            Err(source) => Err(Error::Cache { path: lock_path.display().to_string(), source }),
        }
    }
}

impl Lock {
    /// What is kept; nothing when there is no file or it cannot be read.
    pub(super) fn read(&self) -> Entry {
        match &self.place {
            Place::Memory(entry) => entry.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Place::Folder(path) => fs::read(path)
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok())
                .unwrap_or_default()
                .into(),
        }
    }

    /// Replaces what is kept, in one step.
    pub(super) fn write(&self, entry: &Entry) -> Result<(), Error> {
        match &self.place {
            Place::Memory(held) => {
                *held.lock().unwrap_or_else(PoisonError::into_inner) = entry.clone();
                Ok(())
            }
            Place::Folder(path) => serde_json::to_vec(&Stored::from(entry))
                .map_err(io::Error::from)
                .and_then(|json| private::replace(path, &json))
                .map_err(|source| Error::Cache { path: path.display().to_string(), source }),
        }
    }
}

/// The entry as JSON.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Stored {
    access_token: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    scopes: Vec<String>,
    requests: Vec<DateTime<Utc>>,
    blocked_until: Option<DateTime<Utc>>,
}

impl From<Stored> for Entry {
    fn from(stored: Stored) -> Self {
        let secret = stored.access_token.as_deref().and_then(Secret::new);
        let token = secret.zip(stored.expires_at).map(|(secret, expires_at)| AccessToken::new(secret, expires_at));
        let token = token.map(|token| token.with_scopes(stored.scopes));
        Self { token, requests: stored.requests, blocked_until: stored.blocked_until }
    }
}

impl From<&Entry> for Stored {
    fn from(entry: &Entry) -> Self {
        Self {
            access_token: entry.token.as_ref().map(|token| token.expose().to_owned()),
            expires_at: entry.token.as_ref().map(AccessToken::expires_at),
            scopes: entry.token.as_ref().map(|token| token.scopes().to_vec()).unwrap_or_default(),
            requests: entry.requests.clone(),
            blocked_until: entry.blocked_until,
        }
    }
}

/// Names the file without giving anything away.
fn fingerprint(accounts_url: &Url, credentials: &Credentials) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update(part.as_bytes());
        digest.update([0]);
    };
    add(accounts_url.as_str());
    add(&credentials.client.id);
    match &credentials.grant {
        Grant::RefreshToken(refresh_token) => add(refresh_token.expose()),
        // A token of fewer scopes is of no use to who needs more.
        Grant::ClientCredentials { org_id, scopes } => [org_id.as_str(), &scopes.join(",")].into_iter().for_each(add),
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn open_locked(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        create_private_folder(folder)?;
    }
    let file = owner_only(OpenOptions::new().create(true).truncate(false).write(true)).open(path)?;
    file.lock()?;
    Ok(file)
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A file that somebody has touched is a cache without a token, and is written anew.
        #[test]
        fn any_file_is_read(text in prop_oneof![
            "\\PC{0,60}",
            "\\{\"(access_token|expires_at|scopes|requests|blocked_until)\":(null|\"x\"|7|\\[\\]|\\[1\\]|\"2026-01-02T03:04:05Z\")[}\\]]?",
        ]) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("token.json");
            fs::write(&path, text).expect("a file");
            let lock = Lock { place: Place::Folder(path), _file: None };
            let entry = lock.read();
            lock.write(&entry).expect("it is written");
            prop_assert_eq!(lock.read().requests, entry.requests);
        }
    }
}
