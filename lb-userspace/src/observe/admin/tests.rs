// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole way: real client, real unix socket, real routes, a data path in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{read_only, serve_unix, whole};
use crate::cli::client::{Client, ClientError};
use crate::cli::exit::Exit;
use crate::datapath::memory::MemoryDatapath;
use crate::observe::api::{
    BackendState, Backends, DrainAnswer, DrainRequest, Flows, LogLevel, LogLevelRequest, LogTarget, PlanView,
    ReasonStatus, Status,
};
use crate::observe::drains::Drains;
use crate::observe::fixture::{self, FakeDatapath};
use crate::observe::log;
use crate::observe::observer::{Identity, Observer};
use crate::reconcile::driver::{Driver, Inputs, ReconcileStatus};
use crate::source::SourceState;

/// A daemon's admin API, and nothing else of it.
struct Api {
    client: Client,
    datapath: Arc<FakeDatapath>,
    reconcile: watch::Sender<Arc<ReconcileStatus>>,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
    _driver: JoinHandle<()>,
    _source: watch::Sender<SourceState>,
    _folder: tempfile::TempDir,
}

fn api(public: bool) -> Api {
    let folder = tempfile::tempdir().unwrap();
    let desired = Arc::new(fixture::desired());
    let (source, states) = watch::channel(SourceState { desired, revision: 1, error: None });
    let (_, cloud) = watch::channel(Arc::default());
    let (_, health) = watch::channel(Arc::new(fixture::health()));
    let drains = Arc::new(Drains::open(folder.path(), "boot", fixture::NOW).0);
    let inputs = Inputs {
        desired: states.clone(),
        health: health.clone(),
        drains: drains.subscribe(),
        now: Box::new(|| fixture::NOW),
    };
    let driver = Driver::new(Box::new(MemoryDatapath::default()), inputs, 1);
    let done = ReconcileStatus {
        last_success: Some(SystemTime::now()),
        assignments: Arc::new(fixture::assignments()),
        ..ReconcileStatus::default()
    };
    let (reconcile, reconciled) = watch::channel(Arc::new(done));
    let datapath = Arc::new(FakeDatapath::default());
    let observer = Arc::new(Observer {
        identity: Identity {
            instance: "test".to_owned(),
            file: PathBuf::from("lb.yaml"),
            started: SystemTime::now(),
            admin_address: None,
        },
        source: states,
        cloud,
        reconcile: reconciled,
        health,
        drains,
        datapath: Arc::clone(&datapath) as Arc<_>,
        planner: driver.planner(),
        log: log::detached(),
        boot_seconds: || fixture::NOW,
    });
    let router = if public { read_only(observer) } else { whole(observer) }.unwrap();
    let socket = folder.path().join("admin.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(serve_unix(listener, router, shutdown.clone()));
    let driver = tokio::spawn(driver.run(shutdown.clone()));
    let client = Client::new(&socket);
    Api { client, datapath, reconcile, shutdown, served, _driver: driver, _source: source, _folder: folder }
}

impl Api {
    async fn refused(&self, method: &str, path: &str, body: &serde_json::Value) -> (u16, String, String) {
        match self.client.send::<_, serde_json::Value>(method, path, body).await {
            Err(ClientError::Refused { status, body }) => (status.as_u16(), body.error, body.fix),
            other => panic!("{method} {path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn reading() {
    let api = api(false);
    let status: Status = api.client.get("/v1/status").await.unwrap();
    assert_eq!((status.daemon.instance.as_str(), status.load_balancers.len()), ("test", 1));
    assert_eq!(status.load_balancers[0].backends[1].state, BackendState::Down);
    let backends: Backends = api.client.get("/v1/backends").await.unwrap();
    assert_eq!(backends.backends, status.load_balancers[0].backends);
    let reasons: Vec<ReasonStatus> = api.client.get("/v1/reasons").await.unwrap();
    assert_eq!(reasons, status.reasons);
}

#[tokio::test]
async fn flows_are_filtered_and_limited() {
    let api = api(false);
    let count = async |query: &str| {
        let answer: Flows = api.client.get(&format!("/v1/flows?{query}")).await.unwrap();
        (answer.flows.len(), answer.total)
    };
    assert_eq!(count("").await, (3, 3));
    assert_eq!(count("limit=1").await, (1, 3));
    assert_eq!(count("client=198.51.100.7").await, (2, 2));
    assert_eq!(count("client=198.51.100.7%3A40001").await, (1, 1));
    assert_eq!(count("backend=10.0.3.11&state=unproven").await, (1, 1));
    assert_eq!(count("vip=192.0.2.99").await, (0, 0));
    let nothing = serde_json::Value::Null;
    let (status, error, _) = api.refused("GET", "/v1/flows?client=here", &nothing).await;
    assert_eq!((status, error.as_str()), (400, "client: `here` is neither an address nor address:port"));
    assert_eq!(api.refused("GET", "/v1/flows?colour=red", &nothing).await.0, 400);
}

#[tokio::test]
async fn draining_and_undraining() {
    let api = api(false);
    let ask = async |path: &str, backend: &str| {
        let request = DrainRequest { backend: backend.to_owned() };
        let answer: DrainAnswer = api.client.send("POST", path, &request).await.unwrap();
        let backend = &answer.backends[0];
        (backend.id.to_string(), backend.changed, backend.seconds_left)
    };
    assert_eq!(ask("/v1/drain", "node-1").await, ("web/10.0.3.11".to_owned(), true, Some(60)));
    let Backends { backends, .. } = api.client.get("/v1/backends").await.unwrap();
    assert_eq!((backends[0].state, backends[0].drain_seconds_left), (BackendState::Draining, Some(60)));
    assert_eq!(ask("/v1/drain", "web/10.0.3.11").await, ("web/10.0.3.11".to_owned(), false, Some(60)));
    assert_eq!(ask("/v1/undrain", "10.0.3.11").await, ("web/10.0.3.11".to_owned(), true, None));
    assert_eq!(ask("/v1/undrain", "10.0.3.11").await, ("web/10.0.3.11".to_owned(), false, None));
}

#[tokio::test]
async fn refusals_say_the_fix() {
    let api = api(false);
    let unknown = serde_json::json!({"backend": "node-9"});
    let (status, error, fix) = api.refused("POST", "/v1/drain", &unknown).await;
    assert_eq!((status, error.as_str()), (404, "no backend is called `node-9`"));
    assert_eq!(fix, "use one of web/10.0.3.11, web/10.0.3.12, web/10.0.3.13");
    let (status, error, _) = api.refused("POST", "/v1/drain", &serde_json::json!({"node": 1})).await;
    assert!(status == 422 && error.contains("unknown field `node`"), "{status} {error}");
    assert_eq!(api.refused("GET", "/v1/nothing", &unknown).await.0, 404);
    assert_eq!(api.refused("DELETE", "/v1/status", &unknown).await.0, 405);
}

#[tokio::test]
async fn plans_for_now_and_for_another_file() {
    let api = api(false);
    let plan: PlanView = api.client.get("/v1/plan").await.unwrap();
    assert!(plan.changes.len() + plan.unplaced.len() < 100);
    let refused = api.client.post_text::<PlanView>("/v1/plan", "version: 2\n".to_owned()).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::BadInput, "{refused}");
}

#[tokio::test]
async fn log_levels_reach_their_target() {
    let api = api(false);
    let request = LogLevelRequest { level: LogLevel::Debug, target: LogTarget::Datapath };
    let answer: LogLevelRequest = api.client.send("PUT", "/v1/log-level", &request).await.unwrap();
    assert_eq!(answer, request);
    assert_eq!(*api.datapath.level.lock().unwrap(), Some(4));
}

#[tokio::test]
async fn readiness_follows_reconciliation() {
    let api = api(false);
    let ready: serde_json::Value = api.client.get("/ready").await.unwrap();
    assert_eq!(ready["ready"], true);
    api.reconcile.send_replace(Arc::default());
    let refused = api.client.get::<serde_json::Value>("/ready").await.unwrap_err();
    // The body is a readiness, not an error; its status is what matters here.
    assert!(matches!(refused, ClientError::Answer { .. }), "{refused}");
}

#[tokio::test]
async fn the_public_side_only_reads() {
    let api = api(true);
    assert!(api.client.get::<Status>("/state").await.is_ok());
    for path in ["/v1/status", "/v1/flows", "/v1/drain", "/v1/log-level"] {
        assert_eq!(api.refused("GET", path, &serde_json::Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn shutdown_ends_the_listener() {
    let api = api(false);
    api.shutdown.cancel();
    api.served.await.unwrap();
    let refused = api.client.get::<Status>("/state").await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Unreachable, "{refused}");
}
