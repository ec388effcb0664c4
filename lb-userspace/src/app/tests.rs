// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's life on a data path in memory.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::*;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::datapath::Capacity;
use crate::datapath::memory::MemoryDatapath;
use crate::model::spec;
use crate::observe::api::{Readiness, Status};
use crate::observe::fixture::FakeDatapath;
use crate::observe::log;

/// The answer to `/v2/instances` of the test's cloud.
const INSTANCES: &str =
    r#"{"instances":[{"id":"vm","main_ip":"198.51.100.1"}],"meta":{"total":1,"links":{}}}"#;

fn settings(folder: &Path) -> Settings {
    let config = folder.join("lb.yaml");
    if !config.exists() {
        std::fs::write(&config, spec::example().replace("admin_address", "# admin_address")).unwrap();
    }
    Settings {
        config,
        instance: "test".to_owned(),
        state_dir: folder.join("state"),
        run_dir: folder.join("run"),
        detach: true,
    }
}

fn open(detached: &CancellationToken) -> Opened {
    let detached = detached.clone();
    Opened {
        datapath: Box::new(MemoryDatapath::new(Capacity { services: 100, backends: 100, pools: 100 })),
        inspect: Arc::new(FakeDatapath::default()),
        tasks: vec![Box::new(|shutdown| Box::pin(async move { shutdown.cancelled().await }))],
        serve: Box::new(|_| Ok(())),
        detach: Box::new(move || {
            detached.cancel();
            Ok(())
        }),
        boot_seconds: || 1000,
    }
}

async fn build(settings: Settings, detached: &CancellationToken) -> Result<App, StartError> {
    App::build(settings, log::detached(), |_| Ok(open(detached))).await
}

#[tokio::test]
async fn from_start_to_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let socket = settings.run_dir.join("admin.sock");
    let (stop, detached) = (CancellationToken::new(), CancellationToken::new());
    let app = build(settings.clone(), &detached).await.unwrap();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = build(settings, &detached).await.unwrap_err();
    assert!(matches!(refused, StartError::Running { .. }), "{refused}");

    let mut reconciled = app.observer.reconcile.clone();
    let running = tokio::spawn(app.run(Arc::default(), stop.clone()));
    reconciled.wait_for(|status| status.last_success.is_some()).await.unwrap();
    let client = Client::new(&socket);
    let ready: Readiness = client.get("/ready").await.unwrap();
    assert!(ready.ready && ready.source.ok, "{ready:?}");
    let status: Status = client.get("/v1/status").await.unwrap();
    assert!(!status.load_balancers.is_empty());

    assert!(!detached.is_cancelled());
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(detached.is_cancelled());
}

#[tokio::test]
async fn a_cloud_in_the_file_is_followed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let answer = async move |request: Request| match request.uri().path() {
        _ if is_down.load(Ordering::Relaxed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/v2/instances" => INSTANCES.into_response(),
        _ => include_str!("tests/load-balancers.json").into_response(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let token = folder.path().join("token");
    std::fs::write(&token, "hunter2").unwrap();
    let file = format!(
        "version: 1\nbalancer: {{interfaces: [eth0], snat_addresses: [10.0.2.1]}}\n\
         cloud: {{url: 'http://{address}', token_file: {}, region: ewr, poll_interval: 1}}\nload_balancers: []\n",
        token.display()
    );
    std::fs::write(folder.path().join("lb.yaml"), file).unwrap();
    let settings = settings(folder.path());
    let socket = settings.run_dir.join("admin.sock");
    let (stop, detached) = (CancellationToken::new(), CancellationToken::new());
    let app = build(settings.clone(), &detached).await.unwrap();
    let mut looked = app.observer.cloud.clone();
    let running = tokio::spawn(app.run(Arc::default(), stop.clone()));
    looked.wait_for(|status| status.polls > 0).await.unwrap();
    let client = Client::new(&socket);
    let status: Status = client.get("/v1/status").await.unwrap();
    assert_eq!(status.load_balancers[0].label.as_str(), "lb-1");
    assert_eq!(status.load_balancers[0].backends[0].id.address.to_string(), "198.51.100.1");
    let refused = &status.cloud.unwrap().refused[0];
    assert_eq!(refused.part, "forwarding rule https 443");

    down.store(true, Ordering::Relaxed);
    looked.wait_for(|status| status.error.is_some()).await.unwrap();
    let ready: Readiness = client.get("/ready").await.unwrap();
    assert!(
        ready.ready && ready.source.why.as_deref().is_some_and(|why| why.contains("is in force")),
        "{ready:?}"
    );
    let status: Status = client.get("/v1/status").await.unwrap();
    assert_eq!(status.load_balancers.len(), 1);
    stop.cancel();
    running.await.unwrap().unwrap();

    let app = build(settings.clone(), &detached).await.unwrap();
    assert_eq!(app.observer.status().load_balancers.len(), 1, "a start without the cloud");
    drop(app);
    std::fs::remove_dir_all(&settings.state_dir).unwrap();
    let refused = build(settings, &detached).await.unwrap_err();
    assert!(matches!(refused, StartError::Cloud(_)) && refused.exit() == Exit::Failed, "{refused}");
}

#[tokio::test]
async fn a_bad_file_starts_with_the_last_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let detached = CancellationToken::new();
    drop(build(settings.clone(), &detached).await.unwrap());
    std::fs::write(&settings.config, "version: one\n").unwrap();
    let app = build(settings, &detached).await.unwrap();
    let status = app.observer.status();
    assert!(!status.source.ok && !status.source.problems.is_empty());
    assert!(!status.load_balancers.is_empty());
}

#[tokio::test]
async fn what_waits_for_a_restart_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let config = settings.config.clone();
    let (stop, detached) = (CancellationToken::new(), CancellationToken::new());
    let app = build(settings, &detached).await.unwrap();
    let observer = Arc::clone(&app.observer);
    let says = |observer: &Observer| {
        let lines = observer.status().source.needs_restart;
        lines.iter().any(|line| line.starts_with("balancer.admin_address: none is in force; restart lbd"))
    };
    assert!(!says(&observer));

    let running = tokio::spawn(app.run(Arc::default(), stop.clone()));
    std::fs::write(config, spec::example()).unwrap();
    observer.source.clone().wait_for(|source| source.revision == 2).await.unwrap();
    assert!(says(&observer));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_bad_file_without_a_last_good_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    std::fs::write(&settings.config, "version: one\n").unwrap();
    let refused = build(settings, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::BadInput);
    assert!(refused.to_string().contains("lb.yaml"), "{refused}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut desired = crate::observe::fixture::desired();
    desired.balancer.admin_address = Some(address);
    let refused = listen_tcp(&desired).await.unwrap_err();
    assert!(refused.to_string().starts_with(&format!("balancer.admin_address: {address}: ")), "{refused}");
    assert_eq!(refused.exit(), Exit::BadInput);
}
