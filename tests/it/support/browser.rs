//! A sign-in through the browser, with the test in the place of browser and person.

use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use deskhouse::transport::{self, Network, Transport};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;
use url::Url;

use super::{House, Portal, Ran};

/// A step that takes longer hangs.
const LONGEST_STEP: Duration = Duration::from_secs(60);

/// Whoever is looked at asks for this port, and nobody else: the system gives out higher ones by itself.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A redirect URI on a free port, which the portal's client is registered with.
pub(crate) fn redirect_uri(portal: &Portal) -> String {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    let port = (0..2_000)
        .map(|_| 20_000 + (first - 20_000 + NEXT_PORT.fetch_add(1, Ordering::Relaxed)) % 12_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port");
    let uri = format!("http://127.0.0.1:{port}/callback");
    portal.sandbox.configure(|settings| settings.redirect_uris = vec![uri.clone()]);
    uri
}

/// A `deskhouse auth login` that waits for the browser.
pub(crate) struct Login {
    /// The command.
    pub(crate) child: Child,
    /// Where it sends the person.
    pub(crate) url: Url,
    talk: JoinHandle<String>,
}

impl Login {
    /// Starts it and reads the address that it prints.
    pub(crate) async fn start(house: &House, arguments: &[&str]) -> Self {
        let mut child = house.start_to_be_told(&[], &[&["auth", "login"], arguments].concat());
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut said = String::new();
        let url = loop {
            let line = tokio::time::timeout(LONGEST_STEP, lines.next_line()).await.expect("it speaks");
            let line = line.expect("text").unwrap_or_else(|| panic!("it ended and said\n{said}"));
            said.push_str(&line);
            said.push('\n');
            if let Ok(url) = Url::parse(line.trim()) {
                break url;
            }
        };
        let talk = tokio::spawn(async move {
            let mut rest = lines.into_inner();
            let read = rest.read_to_string(&mut said).await;
            read.map(|_| said).expect("text")
        });
        Self { child, url, talk }
    }

    /// What it did, once it has ended. Whatever it said, it must keep secrets to itself.
    pub(crate) async fn ended(self, house: &House) -> Ran {
        let mut ran = house.ended(self.child).await;
        ran.stderr = self.talk.await.expect("its talk");
        house.assert_discreet(&ran);
        ran
    }
}

/// A page, or the reason why there is none.
pub(crate) async fn open(url: &str) -> Result<http::Response<Bytes>, transport::Error> {
    let request = http::Request::get(url).body(Bytes::new()).expect("a request");
    Network::new().expect("a network").send(request).await
}

/// Sends a form.
pub(crate) async fn submit(url: &str, form: &str) -> http::Response<Bytes> {
    let request = http::Request::post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form.to_owned()))
        .expect("a request");
    Network::new().expect("a network").send(request).await.expect("an answer")
}

/// The text of a page.
pub(crate) fn text(page: &http::Response<Bytes>) -> String {
    String::from_utf8(page.body().to_vec()).expect("text")
}

/// Presses a button of the consent page; gives the address that the browser is sent to, without going there.
pub(crate) async fn decide(url: &Url, decision: &str) -> Url {
    let page = open(url.as_str()).await.expect("the consent page");
    assert_eq!(page.status(), 200, "{}", text(&page));
    let page = text(&page);
    let field = |before: &str| page.split_once(before).and_then(|(_, rest)| rest.split('"').next()).expect("a form");
    let action = url.join(field("action=\"")).expect("an address");
    let question = field("name=\"question\" value=\"");
    let answer = submit(action.as_str(), &format!("question={question}&decision={decision}")).await;
    assert_eq!(answer.status(), 302);
    answer.headers()["location"].to_str().expect("text").parse().expect("an address")
}

/// The same address with another value of a parameter.
pub(crate) fn with(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    let others: Vec<_> =
        url.query_pairs().filter(|(known, _)| known != name).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    changed.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    changed
}

/// A parameter of an address.
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).expect(name)
}

/// The mode of a file that only its owner may read.
#[track_caller]
pub(crate) fn assert_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}
