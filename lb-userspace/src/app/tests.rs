// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon's life on a data path in memory.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::datapath::Capacity;
use crate::datapath::memory::MemoryDatapath;
use crate::model::spec;
use crate::observe::api::{Readiness, Status};
use crate::observe::fixture::FakeDatapath;
use crate::observe::log;

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
