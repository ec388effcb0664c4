// SPDX-License-Identifier: MIT OR Apache-2.0
//! Serves a router to a bounded number of connections, each with deadlines, until shutdown.
//!
//! Tasks: one for each connection, owned by the `JoinSet` of the accept loop; at shutdown each may finish the request
//! that it is at, for [`FAREWELL`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at a time on one listener; more wait in its backlog.
const CONNECTIONS: usize = 64;

/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEADER: Duration = Duration::from_secs(10);

/// How long a connection may last after shutdown began.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long accepting rests after it failed, as when file descriptors run out.
const REST: Duration = Duration::from_millis(100);

/// Serves on a unix socket until shutdown.
pub async fn serve_unix(listener: UnixListener, router: Router, shutdown: CancellationToken) {
    let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
    serve(accept, router, shutdown).await;
}

/// Serves on a TCP address until shutdown.
pub async fn serve_tcp(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
    serve(accept, router, shutdown).await;
}

async fn serve<S, F>(accept: impl Fn() -> F, router: Router, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>>,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let arrival = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, accept().await)
        };
        let (place, stream) = tokio::select! {
            () = shutdown.cancelled() => break,
            arrived = arrival => arrived,
            Some(_) = connections.join_next() => continue,
        };
        match stream {
            Ok(stream) => {
                let connection = connection(stream, router.clone(), shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin API cannot accept a connection");
                tokio::time::sleep(REST).await;
            }
        }
    }
    let farewell = async { while connections.join_next().await.is_some() {} };
    // Connections that are left are ended when the set is dropped.
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

async fn connection<S>(stream: S, router: Router, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER);
    let serving = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an admin connection ended badly");
    }
}
