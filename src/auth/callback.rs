//! A listener for one answer from the browser, on this machine only and bounded in everything: time, size, connections.
//! What the answer means is decided in `login`; what it is traded for, in `exchange`.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use super::{Authorization, Code, LoginError};
use crate::config::DataCenter;

/// Largest head of a request. A callback has some hundred bytes, and browsers send cookies of other things on the host.
const LARGEST_HEAD: usize = 16 << 10;

/// Time for the head of a request to arrive: browsers open connections that they may never use.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Time for a page to be taken.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Connections that are read at a time.
const MOST_CONNECTIONS: usize = 16;

/// Waits for the browser at a redirect URI.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    path: String,
}

/// The browser of the person, who waits for what becomes of the answer.
#[derive(Debug)]
pub struct Browser(TcpStream);

impl Listener {
    /// Takes the port that the redirect URI names.
    pub async fn bind(redirect_uri: &str) -> Result<Self, LoginError> {
        let is_ours = |url: &Url| url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        let url = Url::parse(redirect_uri).ok().filter(is_ours);
        let (url, port) = url
            .and_then(|url| url.port_or_known_default().map(|port| (url, port)))
            .ok_or_else(|| LoginError::RedirectUri { uri: redirect_uri.to_owned() })?;
        let address = (Ipv4Addr::LOCALHOST, port);
        let socket = TcpListener::bind(address).await;
        let socket = socket.map_err(|source| LoginError::Listen { address: format!("127.0.0.1:{port}"), source })?;
        Ok(Self { socket, path: url.path().to_owned() })
    }

    /// Waits for the answer. What does not belong to this sign-in is refused and told to `stranger`, and the wait goes on,
    /// for otherwise any page in the browser could end it. With the answer the port is given back: there is no second one.
    pub async fn wait(
        self,
        authorization: &Authorization,
        time: Duration,
        mut stranger: impl FnMut(&LoginError),
    ) -> Result<(Code, Option<DataCenter>, Browser), LoginError> {
        let end = tokio::time::Instant::now() + time;
        let mut heads = JoinSet::new();
        loop {
            let (target, mut browser) = tokio::select! {
                () = tokio::time::sleep_until(end) => return Err(LoginError::TimedOut { after: time }),
                Some(head) = heads.join_next() => match head {
                    Ok(Some(head)) => head,
                    _ => continue,
                },
                Ok((stream, _)) = self.socket.accept(), if heads.len() < MOST_CONNECTIONS => {
                    heads.spawn(head(stream));
                    continue;
                }
            };
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            if path != self.path {
                // Browsers ask for an icon of every page.
                browser.answer("404 Not Found", "There is nothing here.").await;
                continue;
            }
            match authorization.read(query) {
                Ok((code, data_center)) => return Ok((code, data_center, browser)),
                Err(error @ (LoginError::OtherState | LoginError::NoCode)) => {
                    browser.answer("400 Bad Request", &sentence(&error)).await;
                    stranger(&error);
                }
                Err(error) => {
                    browser.answer("400 Bad Request", &sentence(&error)).await;
                    return Err(error);
                }
            }
        }
    }
}

impl Browser {
    /// Shows that it is done.
    pub async fn tell_done(mut self) {
        self.answer("200 OK", "deskhouse is signed in. You can close this window.").await;
    }

    /// Shows why it is not.
    pub async fn tell_failed(mut self, error: &dyn std::error::Error) {
        self.answer("502 Bad Gateway", &sentence(error)).await;
    }

    /// A page of one sentence. That the browser has gone is nobody's failure.
    async fn answer(&mut self, status: &str, sentence: &str) {
        let page = page(status, sentence);
        let _ = tokio::time::timeout(PAGE_TIME, async {
            self.0.write_all(page.as_bytes()).await?;
            self.0.shutdown().await
        })
        .await;
    }
}

fn sentence(error: &dyn std::error::Error) -> String {
    format!("deskhouse is not signed in: {error}. What to do is said in the terminal.")
}

fn page(status: &str, sentence: &str) -> String {
    let sentence = sentence.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>deskhouse</title>\n<p>{sentence}</p>\n</html>\n"
    );
    // The address of the page holds a code: nothing may keep it or be told of it.
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\n\
         X-Content-Type-Options: nosniff\r\n\r\n{body}",
        body.len()
    )
}

/// The target of a GET, once its head has arrived. Anything else is not answered: no browser sends it.
async fn head(mut stream: TcpStream) -> Option<(String, Browser)> {
    let mut head = Vec::with_capacity(1024);
    let whole = async {
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > LARGEST_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    };
    tokio::time::timeout(HEAD_TIME, whole).await.ok()??;
    let target = target(&head)?;
    Some((target, Browser(stream)))
}

fn target(head: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let target = line.strip_prefix("GET ")?.split_once(" HTTP/1.")?.0;
    Some(target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_has_a_target() {
        assert_eq!(target(b"GET /callback?code=a HTTP/1.1\r\nHost: x\r\n\r\n").as_deref(), Some("/callback?code=a"));
        for head in ["POST /callback HTTP/1.1\r\n\r\n", "GET /callback\r\n\r\n", "\r\n\r\n", "GET / HTTP/2\r\n\r\n"] {
            assert_eq!(target(head.as_bytes()), None, "{head}");
        }
    }

    #[test]
    fn nothing_in_a_page_can_be_markup() {
        let page = page("200 OK", "<script>alert('a & b')</script>");
        assert!(page.contains("<p>&lt;script&gt;alert('a &amp; b')&lt;/script&gt;</p>"), "{page}");
        assert!(page.contains("Cache-Control: no-store"), "{page}");
    }

    #[tokio::test]
    async fn only_addresses_of_this_machine_are_listened_on() {
        for uri in
            ["https://127.0.0.1:8478/", "http://192.0.2.1:8478/", "http://desk.example/", "http://[::1]:8478/", "x"]
        {
            assert!(matches!(Listener::bind(uri).await, Err(LoginError::RedirectUri { .. })), "{uri}");
        }
    }
}
