// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks `lbd` over its admin socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::exit::Exit;
use crate::observe::api::ErrorBody;

/// How long an answer may take; longer than the daemon allows itself.
const ANSWER: Duration = Duration::from_secs(40);

/// A way to a daemon; each request is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// Why there is no answer to print.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or not for us.
    #[error("lbd cannot be reached at {}: {source}; {}", socket.display(), hint(source))]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The daemon refused.
    #[error("{}\n  fix: {}", body.error, body.fix)]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What it said.
        body: ErrorBody,
    },
    /// The connection broke.
    #[error("lbd at {} broke off: {source}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// How.
        #[source]
        source: hyper::Error,
    },
    /// The answer did not come in time.
    #[error("lbd at {} did not answer within {} s; see its log", socket.display(), ANSWER.as_secs())]
    Late {
        /// The socket.
        socket: PathBuf,
    },
    /// The answer is not one.
    #[error(
        "lbd answered something else than this lbctl expects ({source}); install the same version of both"
    )]
    Answer {
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "run lbctl as the user that lbd runs as, usually root",
        _ => "is lbd running? (--instance or --socket says which one is meant)",
    }
}

impl ClientError {
    /// The exit code that says what kind of failure it is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Refused { status, .. } if status.is_client_error() => Exit::BadInput,
            Self::Read { .. } => Exit::BadInput,
            Self::Refused { .. } | Self::Broken { .. } | Self::Late { .. } | Self::Answer { .. } => {
                Exit::Failed
            }
        }
    }
}

impl Client {
    /// A way to the daemon behind `socket`.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// `GET`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask("GET", path, "application/json", Bytes::new()).await
    }

    /// A request with a body of JSON.
    pub async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|source| ClientError::Answer { source })?;
        self.ask(method, path, "application/json", body.into()).await
    }

    /// `POST` of a text.
    pub async fn post_text<T: DeserializeOwned>(&self, path: &str, text: String) -> Result<T, ClientError> {
        self.ask("POST", path, "text/plain", text.into()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        kind: &'static str,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let exchange = tokio::time::timeout(ANSWER, self.exchange(method, path, kind, body)).await;
        let (status, body) = exchange.map_err(|_| ClientError::Late { socket: self.socket.clone() })??;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|source| ClientError::Answer { source });
        }
        let body = serde_json::from_slice(&body).map_err(|source| ClientError::Answer { source })?;
        Err(ClientError::Refused { status, body })
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        kind: &'static str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Unreachable { socket: self.socket.clone(), source })?;
        let broken = |source| ClientError::Broken { socket: self.socket.clone(), source };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let mut request = Request::new(Full::new(body));
        // Methods and paths are our own; one that is not would be refused by the daemon.
        *request.method_mut() = method.parse().unwrap_or_default();
        *request.uri_mut() = path.parse().unwrap_or_default();
        request.headers_mut().insert(HOST, hyper::header::HeaderValue::from_static("lbd"));
        request.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        tokio::pin!(answer);
        tokio::select! {
            answered = &mut answer => answered.map_err(broken),
            // The connection may end with the answer already on this side.
            _ = connection => answer.await.map_err(broken),
        }
    }
}
