use super::request::decode;
use super::{Method, Request, Response, Status, serve};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

async fn read(text: &[u8]) -> Option<Result<Request, Status>> {
    let mut text = text;
    Request::read(&mut text, nowhere(), nowhere()).await.unwrap()
}

async fn refused(text: &str) -> Status {
    read(text.as_bytes()).await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_request_is_taken_apart() {
    let text =
        b"POST /a/b?k=%00x%2F&n=1 HTTP/1.1\r\nHost: h:1\r\ncOOkie: a=b; c=d\r\nContent-Length: 3\r\n\r\nabcd";
    let request = read(text).await.unwrap().unwrap();
    assert_eq!((request.method, request.path.as_str()), (Method::Post, "/a/b"));
    assert_eq!(request.parameter("k").unwrap(), b"\0x/");
    assert_eq!((request.header("host"), request.cookie("c")), (Some("h:1"), Some("d")));
    assert_eq!((request.body.as_slice(), request.cookie("x")), (&b"abc"[..], None));
    assert_eq!(decode(b"%4%41%zz%"), b"%4A%zz%");
}

#[tokio::test]
async fn what_is_odd_is_refused() {
    for text in [
        "GET / HTTP/1.1 x\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/2\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        assert_eq!(refused(text).await, Status::BadRequest, "{text:?}");
    }
    assert_eq!(refused("DELETE / HTTP/1.1\r\n\r\n").await, Status::MethodNotAllowed);
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refused(chunked).await, Status::NotImplemented);
    let huge = "POST / HTTP/1.1\r\nContent-Length: 2000000000\r\n\r\n";
    assert_eq!(refused(huge).await, Status::BodyTooLarge);
    assert_eq!(
        refused(&format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(9000))).await,
        Status::TooLarge
    );
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100))).await, Status::TooLarge);
    assert_eq!(refused(&"x".repeat(10_000)).await, Status::TooLarge);
    assert!(read(b"GET / HTTP/1.1\r\n").await.is_none());
}

/// Connections that send nothing keep nobody out.
#[tokio::test]
async fn slow_clients_keep_nobody_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let answer = async |request: Request| Response::text(Status::Ok, request.path);
    let serving = tokio::spawn(serve(listener, stop.clone(), answer));
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nX").await.unwrap();
        slow.push(stream);
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"HEAD /quick HTTP/1.1\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("Connection: close\r\n\r\n"), "{text}");
    let mut first = Vec::new();
    assert_eq!(slow[0].read_to_end(&mut first).await.unwrap_or(0), 0, "the oldest was closed");
    stop.cancel();
    serving.await.unwrap();
}
