// SPDX-License-Identifier: MIT OR Apache-2.0
//! Does `GET path` answer 200?

use std::net::SocketAddr;
use std::pin::pin;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::ProbeError;
use super::connect::SourcePorts;

/// How probes introduce themselves.
const AGENT: &str = concat!("lbd-health/", env!("CARGO_PKG_VERSION"));

/// Room for the head of an answer; a longer one fails the probe.
const HEAD_BYTES: usize = 32 * 1024;

/// Asks over plain HTTP.
pub(super) async fn probe(ports: &SourcePorts, target: SocketAddr, path: &str) -> Result<(), ProbeError> {
    let request = request(target, path)?;
    ask(ports.connect(target).await?, request).await
}

/// The request.
pub(super) fn request(target: SocketAddr, path: &str) -> Result<Request<Empty<Bytes>>, ProbeError> {
    Request::get(path)
        .header(HOST, target.to_string())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(ProbeError::BadPath)
}

/// Asks over an open connection, and takes the status for the answer: the body is never read, so its size costs nothing.
pub(super) async fn ask<Stream>(stream: Stream, request: Request<Empty<Bytes>>) -> Result<(), ProbeError>
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut settings = http1::Builder::new();
    let (mut sender, connection) =
        settings.max_buf_size(HEAD_BYTES).handshake(TokioIo::new(stream)).await.map_err(ProbeError::Http)?;
    // The connection moves the bytes. When it ends first, the response knows why.
    let mut response = pin!(sender.send_request(request));
    let response = tokio::select! {
        biased;
        response = &mut response => response,
        _ = connection => response.await,
    };
    match response.map_err(ProbeError::Http)?.status() {
        StatusCode::OK => Ok(()),
        status => Err(ProbeError::Status(status.as_u16())),
    }
}
