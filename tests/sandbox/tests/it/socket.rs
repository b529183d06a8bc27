//! What only a socket shows: broken connections, and the server's own beginning and end.

use desk_sandbox::{Fault, Sandbox, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::small;

async fn served() -> (Sandbox, Server) {
    let sandbox = Sandbox::new(small());
    let server = sandbox.serve("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    (sandbox, server)
}

/// Everything that comes back until the connection ends.
async fn ask(server: &Server, path: &str) -> String {
    let address = server.url.strip_prefix("http://").expect("plain http");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

fn announced(answer: &str) -> usize {
    let line = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    line.parse().expect("a number")
}

#[tokio::test]
async fn it_answers_on_a_free_port_in_its_own_time() {
    let (sandbox, server) = served().await;
    let answer = ask(&server, "/api/v1/organizations").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(
        answer.contains("date: Mon, 15 Jun 2026 12:00:00 GMT") && answer.matches("date: ").count() == 1,
        "{answer}"
    );
    assert_eq!(sandbox.requests().len(), 1);
    let url = server.url.clone();
    server.stop().await;
    assert!(TcpStream::connect(url.strip_prefix("http://").expect("plain http")).await.is_err());
}

#[tokio::test]
async fn stopping_closes_connections_that_were_kept_open() {
    let (_, server) = served().await;
    let address = server.url.strip_prefix("http://").expect("plain http").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    stream
        .write_all(format!("GET /api/v1/agents HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())
        .await
        .expect("it reads");
    assert!(stream.read(&mut [0; 4_096]).await.expect("it answers") > 0);
    server.stop().await;
    assert_eq!(stream.read(&mut [0; 4_096]).await.expect("an orderly end"), 0);
}

#[tokio::test]
async fn a_cut_answer_announces_more_than_it_sends() {
    let (sandbox, server) = served().await;
    sandbox.fault("/api", [Fault::Pass, Fault::Cut]);
    let whole = ask(&server, "/api/v1/organizations").await;
    let cut = ask(&server, "/api/v1/organizations").await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").expect("a head").1.to_owned();
    assert_eq!(announced(&whole), body(&whole).len());
    assert_eq!(announced(&cut), announced(&whole));
    assert_eq!(body(&cut), body(&whole)[..announced(&whole) / 2]);
}

#[tokio::test]
async fn a_dropped_connection_says_nothing() {
    let (sandbox, server) = served().await;
    sandbox.fault("/api", [Fault::Drop]);
    assert_eq!(ask(&server, "/api/v1/organizations").await, "");
    assert!(ask(&server, "/api/v1/organizations").await.starts_with("HTTP/1.1 401"));
    let statuses: Vec<u16> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 401]);
}
