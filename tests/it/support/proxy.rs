//! A proxy between the program and its Postgres server that cuts the line at a chosen commit: before it is sent, while it
//! is under way, or after the server has done it and before the program hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where the line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never hears of the commit.
    Before,
    /// The server gets the commit and loses the client at once.
    During,
    /// The server has committed, and its answer is lost.
    After,
}

/// A proxy on a free port, until dropped.
pub(crate) struct Proxy {
    port: u16,
    commits_left: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A proxy to the server in `address` that cuts the line at the `commit`-th commit.
    pub(crate) async fn start(address: &str, cut: Cut, commit: i64) -> Self {
        let server: url::Url = address.parse().expect("an address");
        let target = (server.host_str().expect("a host").to_owned(), server.port().expect("a port"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let commits_left = Arc::new(AtomicI64::new(commit));
        let left = Arc::clone(&commits_left);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await;
                let left = Arc::clone(&left);
                tokio::spawn(async move {
                    if let Ok(server) = server {
                        relay(client, server, cut, &left).await;
                    }
                });
            }
        });
        Self { port, commits_left, task }
    }

    /// The address that leads through the proxy.
    pub(crate) fn through(&self, address: &str) -> String {
        let mut url: url::Url = address.parse().expect("an address");
        url.set_port(Some(self.port)).expect("a port");
        url.to_string()
    }

    /// Whether the line has been cut.
    pub(crate) fn has_cut(&self) -> bool {
        self.commits_left.load(Ordering::SeqCst) <= 0
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, cut: Cut, commits_left: &AtomicI64) {
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(1..) = read else { return };
                let message = &asked[..read.unwrap_or_default()];
                // The driver sends a commit as a message of its own.
                let commits = message.windows(6).any(|word| word.eq_ignore_ascii_case(b"commit"));
                let is_it = commits && commits_left.fetch_sub(1, Ordering::SeqCst) == 1;
                if is_it && cut == Cut::Before {
                    return;
                }
                if server.write_all(message).await.is_err() {
                    return;
                }
                if is_it && cut == Cut::After {
                    // The answer comes once the commit is done; nobody gets it.
                    let _ = server.read(&mut answered).await;
                }
                if is_it {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(1..) = read else { return };
                if client.write_all(&answered[..read.unwrap_or_default()]).await.is_err() {
                    return;
                }
            }
        }
    }
}
