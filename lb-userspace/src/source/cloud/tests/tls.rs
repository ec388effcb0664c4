// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nobody but the cloud gets the token.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::client::Client;
use super::*;
use crate::wire::LoadBalancerPage;

/// A server for `localhost` with a certificate of its own; returns its port and how many requests it read.
async fn serve(own: &CertifiedKey<rcgen::KeyPair>) -> (u16, Arc<AtomicUsize>) {
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let read = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&read);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let body = r#"{"load_balancers":[],"meta":{"total":0,"links":{}}}"#;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    (port, read)
}

async fn ask(folder: &Path, port: u16, ca_file: &str) -> Result<(), CloudError> {
    std::fs::write(folder.join("token"), "hunter2").unwrap();
    let cloud = Cloud {
        url: format!("https://localhost:{port}"),
        token: TokenPlace::File(folder.join("token")),
        ca_file: Some(folder.join(ca_file)),
        selection: region(),
        poll_interval: Duration::from_secs(1),
        request_rate: 30,
    };
    let mut client = Client::new(&cloud, Limits { attempts: 1, ..LIMITS }, 1)?;
    client.renew_token(&cloud)?;
    client.get::<LoadBalancerPage>("/v2/load-balancers").await.map(drop)
}

#[tokio::test]
async fn a_server_is_asked_only_if_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let names = || vec!["localhost".to_owned()];
    let own = generate_simple_self_signed(names()).unwrap();
    let other = generate_simple_self_signed(names()).unwrap();
    std::fs::write(folder.path().join("own.pem"), own.cert.pem()).unwrap();
    std::fs::write(folder.path().join("other.pem"), other.cert.pem()).unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let (port, read) = serve(&own).await;

    let refused = ask(folder.path(), port, "other.pem").await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    for bad in ["empty.pem", "missing.pem"] {
        let refused = ask(folder.path(), port, bad).await.unwrap_err();
        assert!(matches!(refused, CloudError::Certificates { .. }), "{refused}");
    }
    assert_eq!(read.load(Ordering::Relaxed), 0, "the token was sent to somebody else");
    ask(folder.path(), port, "own.pem").await.unwrap();
    assert_eq!(read.load(Ordering::Relaxed), 1);
}
