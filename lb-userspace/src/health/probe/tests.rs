// SPDX-License-Identifier: MIT OR Apache-2.0
use std::num::NonZeroU16;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Long enough for a loaded machine; probes that are to run into it get [`SHORT`].
const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(300);

/// A server whose connections all do the same; it ends with the test's runtime.
async fn serve<F, Fut>(address: &str, answer: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let target = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    (target, server)
}

/// Reads the request's head and returns it.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(read).unwrap()
}

async fn reply(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) {
    head(&mut stream).await;
    // Probes hang up as soon as they know; that they do is no error here.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A server that gives the same answer to each request.
async fn answering(answer: &'static str) -> SocketAddr {
    serve("127.0.0.1:0", move |stream| reply(stream, answer)).await.0
}

async fn probe(target: SocketAddr, probe: Probe, response_timeout: Duration) -> Result<(), ProbeError> {
    let check = HealthCheck {
        probe,
        port: NonZeroU16::new(target.port()).unwrap(),
        check_interval: Duration::from_secs(1),
        response_timeout,
        unhealthy_threshold: 1,
        healthy_threshold: 1,
    };
    NetworkProber::new(u64::from(target.port())).probe(target.ip(), &check).await
}

fn http() -> Probe {
    Probe::Http { path: "/health?full=1".to_owned() }
}

fn https() -> Probe {
    Probe::Https { path: "/".to_owned() }
}

/// What an operator reads when this probe fails; it must be the backend's fault.
async fn complaint(target: SocketAddr, kind: Probe, timeout: Duration) -> String {
    let error = probe(target, kind, timeout).await.unwrap_err();
    assert!(error.speaks_against_the_backend(), "{error}");
    error.to_string()
}

/// Where nobody listens: no other test takes ports of this address.
async fn deserted() -> SocketAddr {
    TcpListener::bind("127.0.0.79:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn tcp_passes_where_the_port_accepts() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (target, server) = serve(address, |stream| async { drop(stream) }).await;
        probe(target, Probe::Tcp, LONG).await.unwrap();
        server.abort();
    }
}

#[tokio::test]
async fn a_closed_port_is_refused_to_every_probe() {
    let target = deserted().await;
    for kind in [Probe::Tcp, http(), https()] {
        assert_eq!(complaint(target, kind, LONG).await, "connection refused");
    }
}

#[tokio::test]
async fn http_asks_as_documented() {
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let probe = tokio::spawn(probe(target, http(), LONG));
    let (mut stream, _) = listener.accept().await.unwrap();
    let request = head(&mut stream).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    probe.await.unwrap().unwrap();
    let expected = format!(
        "GET /health?full=1 HTTP/1.1\r\nhost: {target}\r\nuser-agent: lbd-health/{}\r\nconnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(request, expected);
}

#[tokio::test]
async fn only_status_200_passes() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        // A body of 2^63 - 1 bytes is announced, and not waited for.
        "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n",
    ] {
        probe(answering(answer).await, http(), LONG).await.unwrap();
    }
    for (answer, expected) in [
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "status 503"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "status 204"),
        ("HTTP/1.1 301 Moved\r\nlocation: /\r\n\r\n", "status 301"),
    ] {
        assert_eq!(complaint(answering(answer).await, http(), LONG).await, expected);
    }
}

#[tokio::test]
async fn what_is_not_http_fails_as_http() {
    for answer in ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n"] {
        let complaint = complaint(answering(answer).await, http(), LONG).await;
        assert!(complaint.starts_with("http: "), "{answer:?} gives {complaint}");
    }
}

#[tokio::test]
async fn an_endless_body_is_not_read() {
    let (target, _server) = serve("127.0.0.1:0", async |mut stream| {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[0; 4096]).await.is_ok() {}
    })
    .await;
    probe(target, http(), LONG).await.unwrap();
}

#[tokio::test]
async fn an_endless_head_is_cut_off() {
    let (target, server) = serve("127.0.0.1:0", async |mut stream| {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
    })
    .await;
    let complaint = complaint(target, http(), LONG).await;
    assert!(complaint.starts_with("http: "), "{complaint}");
    server.abort();
}

#[tokio::test]
async fn a_slow_drip_ends_with_the_timeout() {
    let (target, _server) = serve("127.0.0.1:0", async |mut stream| {
        head(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(complaint(target, http(), SHORT).await, "timed out after 300ms");
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    // Accepted by the kernel, answered by nobody.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for kind in [http(), https()] {
        assert_eq!(complaint(listener.local_addr().unwrap(), kind, SHORT).await, "timed out after 300ms");
    }
}

/// A TLS server that gives the same answer to each request, with a certificate for a name of no concern.
async fn answering_over_tls(answer: &'static str) -> SocketAddr {
    let certified = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let serve = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                reply(stream, answer).await;
            }
        }
    });
    serve.await.0
}

#[tokio::test]
async fn https_accepts_any_certificate_but_only_status_200() {
    let target = answering_over_tls("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    probe(target, https(), LONG).await.unwrap();
    let target = answering_over_tls("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(complaint(target, https(), LONG).await, "status 500");
}

#[tokio::test]
async fn https_to_what_is_not_tls_fails_as_tls() {
    let (target, _server) = serve("127.0.0.1:0", async |mut stream| {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let complaint = complaint(target, https(), LONG).await;
    assert!(complaint.starts_with("tls: "), "{complaint}");
}

#[tokio::test]
async fn a_path_that_cannot_be_asked_for_is_not_the_backends_fault() {
    let error = probe(deserted().await, Probe::Http { path: "/a b".to_owned() }, LONG).await.unwrap_err();
    assert!(!error.speaks_against_the_backend(), "{error}");
}
