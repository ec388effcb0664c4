// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which request gets which answer.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};

use super::error::ApiError;
use super::flows::{FlowQuery, Selection};
use crate::observe::api::{
    Backends, DrainAnswer, DrainRequest, Flows, LogLevelRequest, PlanView, Readiness, ReasonStatus, Status,
};
use crate::observe::metrics::{self, Metrics};
use crate::observe::observer::Observer;
use crate::observe::state::{readiness, reasons};
use crate::source::file;

/// The largest body: a file with some ten thousand rules.
const BODY: usize = 8 << 20;

/// How long a request may take, its body included: a look at the largest flow tables takes seconds.
const REQUEST: Duration = Duration::from_secs(30);

/// What handlers share.
#[derive(Clone, Debug)]
struct Shared {
    observer: Arc<Observer>,
    metrics: Arc<Metrics>,
}

type Answer<T> = Result<Json<T>, ApiError>;

/// What may be served to anybody: changes nothing and shows no client.
pub fn read_only(observer: Arc<Observer>) -> Result<Router, prometheus::Error> {
    Ok(bounded(public(), shared(observer)?))
}

/// Everything, for the operator.
pub fn whole(observer: Arc<Observer>) -> Result<Router, prometheus::Error> {
    let routes = public()
        .route("/v1/status", get(status))
        .route("/v1/backends", get(backends))
        .route("/v1/flows", get(flows))
        .route("/v1/plan", get(plan).post(plan_file))
        .route("/v1/reasons", get(list_reasons))
        .route("/v1/drain", post(drain))
        .route("/v1/undrain", post(undrain))
        .route("/v1/log-level", put(log_level));
    Ok(bounded(routes, shared(observer)?))
}

fn shared(observer: Arc<Observer>) -> Result<Shared, prometheus::Error> {
    let source = Arc::clone(&observer);
    let metrics = Arc::new(Metrics::new(Arc::new(move || source.status()))?);
    Ok(Shared { observer, metrics })
}

fn public() -> Router<Shared> {
    Router::new()
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(scrape))
        .route("/state", get(status))
}

fn bounded(routes: Router<Shared>, shared: Shared) -> Router {
    routes
        .fallback(|| async {
            ApiError::new(StatusCode::NOT_FOUND, "there is no such page", "see `lbctl --help`")
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this page does not take this method",
                "see `lbctl --help`",
            )
        })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn(in_time))
        .with_state(shared)
}

async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(REQUEST, next.run(request)).await.unwrap_or_else(|_| {
        let text = format!("the answer took more than {} s", REQUEST.as_secs());
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, text, "try again; see the log of lbd").into_response()
    })
}

/// Runs what reads maps where it may block.
async fn blocking<T: Send + 'static>(
    shared: Shared,
    work: impl FnOnce(&Shared) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let task = tokio::task::spawn_blocking(move || work(&shared));
    task.await.map_err(|error| ApiError::internal(error.to_string()))?
}

async fn ready(State(shared): State<Shared>) -> Result<(StatusCode, Json<Readiness>), ApiError> {
    let readiness = blocking(shared, |shared| Ok(readiness(&shared.observer.status()))).await?;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(readiness)))
}

async fn scrape(State(shared): State<Shared>) -> Result<impl IntoResponse, ApiError> {
    let render =
        |shared: &Shared| shared.metrics.render().map_err(|error| ApiError::internal(error.to_string()));
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], blocking(shared, render).await?))
}

async fn status(State(shared): State<Shared>) -> Answer<Status> {
    blocking(shared, |shared| Ok(shared.observer.status())).await.map(Json)
}

async fn backends(State(shared): State<Shared>) -> Answer<Backends> {
    let status = blocking(shared, |shared| Ok(shared.observer.status())).await?;
    let backends = status.load_balancers.into_iter().flat_map(|balancer| balancer.backends).collect();
    Ok(Json(Backends { backends, removed: status.removed_backends }))
}

async fn list_reasons(State(shared): State<Shared>) -> Answer<Vec<ReasonStatus>> {
    blocking(shared, |shared| Ok(reasons(&shared.observer.datapath.counters()?))).await.map(Json)
}

async fn flows(
    State(shared): State<Shared>,
    query: Result<Query<FlowQuery>, QueryRejection>,
) -> Answer<Flows> {
    let Query(query) = query?;
    let selection = Selection::try_from(query).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, error, "write 192.0.2.1, 192.0.2.1:80 or [2001:db8::1]:80")
    })?;
    let read = move |shared: &Shared| {
        let (flows, total) =
            shared.observer.datapath.flows(selection.limit, &|flow| selection.holds(flow))?;
        Ok(Flows { total, flows })
    };
    blocking(shared, read).await.map(Json)
}

async fn plan(State(shared): State<Shared>) -> Answer<PlanView> {
    Ok(Json(shared.observer.plan(None).await?))
}

async fn plan_file(State(shared): State<Shared>, text: String) -> Answer<PlanView> {
    let desired = file::parse(&text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            problems.join("\n"),
            "`lbd validate FILE` says the same",
        )
    })?;
    Ok(Json(shared.observer.plan(Some(desired)).await?))
}

async fn drain(
    State(shared): State<Shared>,
    body: Result<Json<DrainRequest>, JsonRejection>,
) -> Answer<DrainAnswer> {
    let Json(request) = body?;
    blocking(shared, move |shared| Ok(shared.observer.drain(&request.backend)?)).await.map(Json)
}

async fn undrain(
    State(shared): State<Shared>,
    body: Result<Json<DrainRequest>, JsonRejection>,
) -> Answer<DrainAnswer> {
    let Json(request) = body?;
    blocking(shared, move |shared| Ok(shared.observer.undrain(&request.backend)?)).await.map(Json)
}

async fn log_level(
    State(shared): State<Shared>,
    body: Result<Json<LogLevelRequest>, JsonRejection>,
) -> Answer<LogLevelRequest> {
    let Json(request) = body?;
    blocking(shared, move |shared| Ok(shared.observer.set_log_level(request)?)).await?;
    Ok(Json(request))
}
