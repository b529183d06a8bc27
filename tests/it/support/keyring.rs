//! A keyring of the system: a session bus of its own, and a Secret Service on it that keeps its items in memory. It stands
//! for GNOME's and KDE's, which need a desktop.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use zbus::object_server::ObjectServer;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Type, Value};

/// A bus that takes longer hangs.
const LONGEST_START: Duration = Duration::from_secs(60);

const LOGIN: &str = "/org/freedesktop/secrets/collection/login";

/// What the bus of a session is told. The one of the machine may allow less.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=PATH</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#;

/// A keyring; it goes away with the value.
pub(crate) struct Keyring {
    /// The value of `DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) address: String,
    items: Items,
    _service: zbus::Connection,
    _bus: Child,
}

impl Keyring {
    /// Starts one whose bus is in this folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        let config = folder.join("bus.conf");
        let socket = folder.join("bus").display().to_string();
        std::fs::write(&config, BUS.replace("PATH", &socket)).expect("a file");
        let mut bus = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(&config)
            .stdout(std::process::Stdio::piped())
            // It complains of limits that it cannot raise.
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the tests need a D-Bus daemon: install it, such as `apt-get install dbus`");
        let mut lines = BufReader::new(bus.stdout.take().expect("a pipe")).lines();
        // It listens once it has said where.
        let address = lines.next_line().await.expect("text").expect("an address");
        let items = Items::default();
        let service = zbus::connection::Builder::address(address.as_str())
            .and_then(|builder| builder.name("org.freedesktop.secrets"))
            .and_then(|builder| builder.serve_at("/org/freedesktop/secrets", Service(items.clone())))
            .and_then(|builder| builder.serve_at(LOGIN, Collection(items.clone())))
            .expect("a service")
            .build();
        let service = tokio::time::timeout(LONGEST_START, service).await.expect("the bus answers");
        let service = service.expect("the bus takes it");
        Self { address, items, _service: service, _bus: bus }
    }

    /// The accounts that it has a secret for.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.items.lock().iter().flatten().filter_map(|item| item.attributes.get("username").cloned()).collect()
    }

    /// Everything that it was given, as it came over the bus.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.items.lock().iter().flatten().flat_map(|item| item.secret.value.clone()).collect()
    }
}

/// Items by their number; a deleted one leaves a gap.
#[derive(Clone, Default)]
struct Items(Arc<Mutex<Vec<Option<Kept>>>>);

impl Items {
    fn lock(&self) -> MutexGuard<'_, Vec<Option<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Kept {
    attributes: HashMap<String, String>,
    secret: Secret,
}

/// A secret as it travels: encrypted with the key of the session.
#[derive(Clone, Serialize, Deserialize, Type)]
struct Secret {
    session: OwnedObjectPath,
    parameters: Vec<u8>,
    value: Vec<u8>,
    content_type: String,
}

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text.to_owned()).expect("a path")
}

fn item_path(number: usize) -> OwnedObjectPath {
    path(&format!("{LOGIN}/{number}"))
}

/// No question has to be answered first.
fn no_prompt() -> OwnedObjectPath {
    path("/")
}

struct Service(Items);

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    /// Agrees on a key. The public key 1 leads every client of every session to the same one, so that what one has
    /// encrypted another can read, and this service need not.
    fn open_session(&self, _algorithm: &str, _input: Value<'_>) -> (OwnedValue, OwnedObjectPath) {
        let public_key = OwnedValue::try_from(Value::from(vec![1_u8])).expect("bytes");
        (public_key, path("/org/freedesktop/secrets/session/1"))
    }

    fn search_items(&self, attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let fits = |item: &Kept| attributes.iter().all(|(name, value)| item.attributes.get(name) == Some(value));
        let items = self.0.lock();
        let found = items.iter().enumerate().filter(|(_, item)| item.as_ref().is_some_and(fits));
        (found.map(|(number, _)| item_path(number)).collect(), Vec::new())
    }

    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        path(LOGIN)
    }
}

struct Collection(Items);

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    async fn create_item(
        &self,
        properties: HashMap<String, OwnedValue>,
        secret: Secret,
        _replace: bool,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> (OwnedObjectPath, OwnedObjectPath) {
        let attributes = properties["org.freedesktop.Secret.Item.Attributes"].try_clone().expect("attributes");
        let attributes = HashMap::try_from(attributes).expect("texts");
        let number = {
            let mut items = self.0.lock();
            items.push(Some(Kept { attributes, secret }));
            items.len() - 1
        };
        let item = Item { items: self.0.clone(), number };
        server.at(item_path(number), item).await.expect("a new path");
        (item_path(number), no_prompt())
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        false
    }
}

struct Item {
    items: Items,
    number: usize,
}

#[zbus::interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, _session: OwnedObjectPath) -> zbus::fdo::Result<(Secret,)> {
        let items = self.items.lock();
        let item = items[self.number].as_ref().ok_or_else(|| zbus::fdo::Error::UnknownObject("gone".into()))?;
        Ok((item.secret.clone(),))
    }

    fn set_secret(&self, secret: Secret) {
        if let Some(item) = self.items.lock()[self.number].as_mut() {
            item.secret = secret;
        }
    }

    fn delete(&self) -> OwnedObjectPath {
        self.items.lock()[self.number] = None;
        no_prompt()
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        false
    }
}
