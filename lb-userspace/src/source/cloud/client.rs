// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks the cloud's API: GET only, over verified TLS, within limits of time, size and rate. Redirects are not followed,
//! since they would take the token elsewhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;

use super::error::CloudError;
use super::pace::{self, Budget};
use super::{tls, token};
use crate::model::cloud::Cloud;
use crate::model::problem::printable;
use crate::observe::observer::chain;
use crate::reconcile::backoff::Backoff;
use crate::wire::ErrorBody;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the request to the end of the answer.
    pub time: Duration,
    /// From the first request of a look to the end of its last answer.
    pub look: Duration,
    /// Bytes of an answer: 500 load balancers with their certificates take about 10 MiB.
    pub body: usize,
    /// How often one thing is asked for before the look is given up.
    pub attempts: u32,
    /// The longest pause between two of these; who wants more of us is left alone until the next look.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            look: Duration::from_mins(5),
            body: 32 << 20,
            attempts: 3,
            pause: Duration::from_secs(10),
        }
    }
}

/// Where a cloud is asked.
#[derive(Debug)]
pub struct Client {
    http: Http<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: String,
    authorization: HeaderValue,
    limits: Limits,
    budget: Mutex<Budget>,
    /// Answers that the server may call unchanged, by what was asked for.
    known: Mutex<HashMap<String, Known>>,
    requests: AtomicU64,
    seed: u64,
}

/// An answer with its tag.
#[derive(Clone, Debug)]
struct Known {
    tag: HeaderValue,
    body: Bytes,
    asked: u64,
}

impl Client {
    /// A client for this account, without its token yet.
    pub fn new(cloud: &Cloud, limits: Limits, seed: u64) -> Result<Self, CloudError> {
        let connector = tls::connector(cloud)?;
        Ok(Self {
            http: Http::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector),
            base: cloud.url.clone(),
            authorization: HeaderValue::from_static(""),
            limits,
            budget: Mutex::new(Budget::new(cloud.request_rate, Instant::now())),
            known: Mutex::default(),
            requests: AtomicU64::new(0),
            seed,
        })
    }

    /// Reads the token, which may have been changed; before the first request and whenever it is due.
    pub fn renew_token(&mut self, cloud: &Cloud) -> Result<(), CloudError> {
        self.authorization = token::header(&cloud.token)?;
        Ok(())
    }

    /// Requests made so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Forgets answers that were not asked for since `requests` were made.
    pub fn forget_before(&self, requests: u64) {
        locked(&self.known).retain(|_, known| known.asked >= requests);
    }

    /// Gets `path`, which begins with `/v2/`; asks again, a few times, if that may help.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CloudError> {
        let mut backoff = Backoff::new(self.seed.wrapping_add(self.requests()));
        let mut attempt = 1;
        loop {
            let error = match self.ask(path).await {
                Ok(body) => return parse(path, &body),
                Err(error) => error,
            };
            let pause = error.retry_after().unwrap_or_else(|| backoff.fail());
            if !error.is_transient() || attempt >= self.limits.attempts || pause > self.limits.pause {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&self, path: &str) -> Result<Bytes, CloudError> {
        let wait = locked(&self.budget).take(Instant::now());
        tokio::time::sleep(wait).await;
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let limit = self.limits.time;
        tokio::time::timeout(limit, self.exchange(path, number))
            .await
            .map_err(|_| CloudError::Slow { path: path.to_owned(), limit })?
    }

    async fn exchange(&self, path: &str, number: u64) -> Result<Bytes, CloudError> {
        let known = locked(&self.known).get(path).cloned();
        let request = self.request(path, known.as_ref());
        let response = match request {
            Ok(request) => self.http.request(request).await.map_err(|error| unreachable(path, &error))?,
            Err(error) => return Err(unreachable(path, &error)),
        };
        match (response.status(), known) {
            (StatusCode::OK, _) => {
                let tag = response.headers().get(ETAG).cloned();
                let body = self.body(path, response).await?;
                let kept = tag.map(|tag| Known { tag, body: body.clone(), asked: number });
                self.remember(path, kept);
                Ok(body)
            }
            (StatusCode::NOT_MODIFIED, Some(known)) => {
                let body = known.body.clone();
                self.remember(path, Some(Known { asked: number, ..known }));
                Ok(body)
            }
            _ => Err(self.refused(path, response).await),
        }
    }

    fn request(
        &self,
        path: &str,
        known: Option<&Known>,
    ) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
        let mut request = Request::get(format!("{}{path}", self.base))
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("lbd/", env!("CARGO_PKG_VERSION")))
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known.tag.clone());
        }
        request.body(Empty::new())
    }

    fn remember(&self, path: &str, known: Option<Known>) {
        let mut all = locked(&self.known);
        match known {
            Some(known) => drop(all.insert(path.to_owned(), known)),
            None => drop(all.remove(path)),
        }
    }

    /// The whole body: one that ends early is an error.
    async fn body<B>(&self, path: &str, response: Response<B>) -> Result<Bytes, CloudError>
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let limit = self.limits.body;
        let collected = Limited::new(response.into_body(), limit).collect().await;
        collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() {
                CloudError::TooLarge { path: path.to_owned(), limit }
            } else {
                unreachable(path, error.as_ref())
            }
        })
    }

    async fn refused<B>(&self, path: &str, response: Response<B>) -> CloudError
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let status = response.status();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|text| pace::retry_after(text, SystemTime::now()));
        let body = self.body(path, response).await.unwrap_or_default();
        let text = match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => body.error,
            Err(_) => String::from_utf8_lossy(&body).into_owned(),
        };
        CloudError::Refused { path: path.to_owned(), status, text: printable(&text), retry_after }
    }
}

fn parse<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, CloudError> {
    serde_json::from_slice(body).map_err(|source| CloudError::Invalid { path: path.to_owned(), source })
}

fn unreachable(path: &str, error: &(dyn std::error::Error + 'static)) -> CloudError {
    CloudError::Unreachable { path: path.to_owned(), why: chain(error) }
}

/// What these hold is right between any two operations, so a panic elsewhere takes nothing from it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
