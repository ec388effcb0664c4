// SPDX-License-Identifier: MIT OR Apache-2.0
//! Following a cloud that is slow, busy, broken or lying.

mod fake;
mod tls;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::model::cloud::{Cloud, Selection, TokenPlace};
use crate::observe::fixture;
use crate::source::SourceState;
use fake::{Fake, Reply, load_balancer};

/// Longer than any machine is busy; a test that passes does not wait for it.
const DEADLINE: Duration = Duration::from_mins(2);

const LIMITS: Limits = Limits {
    time: Duration::from_mins(1),
    look: Duration::from_mins(5),
    body: 8 << 20,
    attempts: 2,
    pause: Duration::from_secs(10),
};

/// A file that names the fake's cloud.
fn file(fake: &Fake, folder: &Path, selection: Selection) -> SourceState {
    let token = folder.join("token");
    std::fs::write(&token, "hunter2\n").unwrap();
    let mut desired = fixture::desired();
    desired.load_balancers.clear();
    desired.balancer.cloud = Some(Cloud {
        url: fake.url(),
        token: TokenPlace::File(token),
        ca_file: None,
        selection,
        poll_interval: Duration::from_millis(50),
        request_rate: 1000,
    });
    SourceState { desired: Arc::new(desired), revision: 1, error: None }
}

/// A source that follows the fake.
struct Follower {
    states: watch::Receiver<SourceState>,
    status: watch::Receiver<Arc<CloudStatus>>,
    file: watch::Sender<SourceState>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Follower {
    async fn start(file: SourceState, folder: &Path, limits: Limits) -> Result<Self, CloudError> {
        let mut source = CloudSource::new(Some(folder.to_owned()), limits, 7);
        let (publisher, states) = watch::channel(source.start(&file).await?);
        let (file, read) = watch::channel(file);
        let (reports, reported) = watch::channel(Arc::default());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(source.follow(read, publisher, reports, shutdown.clone()));
        Ok(Self { states, status: reported, file, shutdown, task })
    }

    fn labels(&self) -> Vec<String> {
        let desired = Arc::clone(&self.states.borrow().desired);
        desired.load_balancers.iter().map(|balancer| balancer.label.to_string()).collect()
    }

    async fn until(&mut self, wanted: impl FnMut(&Arc<CloudStatus>) -> bool) -> Arc<CloudStatus> {
        let status = tokio::time::timeout(DEADLINE, self.status.wait_for(wanted)).await;
        Arc::clone(&status.expect("in time").expect("it runs"))
    }

    /// Waits for a look that begins from now on and gives an answer.
    async fn next_answer(&mut self) -> Arc<CloudStatus> {
        // One look may be under way.
        let polls = self.status.borrow().polls;
        self.until(|status| status.polls >= polls + 2).await
    }

    /// Waits for a look that fails as expected, and checks that nothing has changed.
    async fn next_failure(&mut self, expected: &str) {
        let before = self.states.borrow().desired.clone();
        let failures = self.status.borrow().failures;
        let status = self
            .until(|status| {
                status.failures > failures
                    && status.error.as_ref().is_some_and(|error| error.contains(expected))
            })
            .await;
        assert!(!format!("{status:?}").contains("hunter2"));
        assert_eq!(self.states.borrow().desired, before, "{expected}");
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }
}

fn region() -> Selection {
    Selection::Region("ewr".to_owned())
}

#[tokio::test]
async fn what_the_cloud_says_is_followed() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_load_balancers(vec![load_balancer(1)]);
    let mut follower =
        Follower::start(file(&fake, folder.path(), region()), folder.path(), LIMITS).await.unwrap();
    assert_eq!(follower.labels(), ["lb-1"]);
    fake.set_load_balancers(vec![load_balancer(1), load_balancer(2)]);
    follower.next_answer().await;
    assert_eq!(follower.labels(), ["lb-1", "lb-2"]);
    let revision = follower.states.borrow().revision;
    follower.next_answer().await;
    assert_eq!(follower.states.borrow().revision, revision, "the same answer is no news");
    // A list that is validly empty is believed.
    fake.set_load_balancers(Vec::new());
    follower.next_answer().await;
    assert!(follower.labels().is_empty());
    assert!(fake.requests().iter().all(|request| request.authorization == "Bearer hunter2"));
    follower.stop().await;
}

#[tokio::test]
async fn whatever_goes_wrong_changes_nothing() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_load_balancers(vec![load_balancer(1), load_balancer(2)]);
    let mut follower =
        Follower::start(file(&fake, folder.path(), region()), folder.path(), LIMITS).await.unwrap();
    let list = |text: &str| Reply::Json(200, text.to_owned());
    let cases = [
        (Reply::Json(401, r#"{"error":"Invalid API token.","status":401}"#.to_owned()), "Invalid API token."),
        (Reply::Json(404, String::new()), "404 Not Found"),
        (Reply::Json(503, "<html>busy</html>".to_owned()), "503 Service Unavailable: <html>busy</html>"),
        (Reply::Json(302, String::new()), "302 Found"),
        (list(""), "is not understood: EOF"),
        (list(r#"{"load_balancers":[{"id":"lb-1","#), "is not understood: EOF"),
        (list(r#"{"load_balancers":[]}"#), "missing field `meta`"),
        (list(r#"{"load_balancers":{},"meta":{"total":0,"links":{}}}"#), "invalid type: map"),
        (list(r#"{"load_balancers":[],"meta":{"total":2,"links":{}}}"#), "it has 0 items and says 2"),
        (list(r#"{"load_balancers":[],"meta":{"total":2,"links":{"next":"x"}}}"#), "a page has no items"),
        (Reply::Aborted, "cannot be reached"),
        (Reply::Looping, "contradicts itself: it"),
    ];
    for (reply, expected) in cases {
        fake.set_reply(reply);
        follower.next_failure(expected).await;
        fake.set_reply(Reply::Truth);
        let status = follower.next_answer().await;
        assert_eq!(status.error, None, "after {expected}");
    }
    assert_eq!(follower.labels(), ["lb-1", "lb-2"]);
    follower.stop().await;
}

#[tokio::test]
async fn limits_of_time_and_size_hold() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_load_balancers(vec![load_balancer(1)]);
    let file = file(&fake, folder.path(), region());
    let limits = Limits { body: 10_000, attempts: 1, ..LIMITS };
    let mut follower = Follower::start(file.clone(), folder.path(), limits).await.unwrap();
    fake.set_reply(Reply::Json(200, "[".repeat(10_001)));
    follower.next_failure("more than 10000 bytes").await;
    follower.stop().await;
    fake.set_reply(Reply::Never);
    let limits = Limits { time: Duration::from_millis(200), attempts: 1, ..LIMITS };
    let mut follower = Follower::start(file.clone(), folder.path(), limits).await.unwrap();
    follower.next_failure("no full answer within 0.2 s").await;
    follower.stop().await;
    let limits = Limits { look: Duration::from_millis(200), ..LIMITS };
    let mut follower = Follower::start(file, folder.path(), limits).await.unwrap();
    follower.next_failure("/v2: no full answer within 0.2 s").await;
    follower.stop().await;
}

#[tokio::test]
async fn a_busy_cloud_is_left_alone_as_long_as_it_says() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_load_balancers(vec![load_balancer(1)]);
    let file = file(&fake, folder.path(), region());
    let mut follower = Follower::start(file.clone(), folder.path(), LIMITS).await.unwrap();
    // Longer than a pause: the look is given up, and there is no other before the time is over.
    fake.set_reply(Reply::Busy("3600"));
    follower.next_failure("429 Too Many Requests").await;
    let requests = fake.requests().len();
    fake.set_reply(Reply::Truth);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fake.requests().len(), requests);
    follower.stop().await;
    // Shorter: the same look goes on, so the failure is never seen.
    let mut follower = Follower::start(file, folder.path(), LIMITS).await.unwrap();
    fake.set_once(Reply::Busy("1"));
    let status = follower.next_answer().await;
    assert_eq!((status.failures, status.error.as_deref()), (0, None));
    follower.stop().await;
}

#[tokio::test]
async fn a_start_without_the_cloud_uses_what_was_served_last() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let file = file(&fake, folder.path(), region());
    fake.set_reply(Reply::Json(500, String::new()));
    let refused = Follower::start(file.clone(), folder.path(), LIMITS).await.err().unwrap();
    assert!(refused.to_string().contains("500 Internal Server Error"), "{refused}");
    fake.set_reply(Reply::Truth);
    fake.set_load_balancers(vec![load_balancer(1), load_balancer(2)]);
    let follower = Follower::start(file.clone(), folder.path(), LIMITS).await.unwrap();
    let before = follower.states.borrow().desired.clone();
    follower.stop().await;
    fake.set_reply(Reply::Json(500, String::new()));
    let mut follower = Follower::start(file.clone(), folder.path(), LIMITS).await.unwrap();
    follower.next_failure("500 Internal Server Error").await;
    assert_eq!(follower.states.borrow().desired.load_balancers, before.load_balancers);
    // Settings of the file are taken over meanwhile.
    let mut other = SourceState::clone(&file);
    Arc::make_mut(&mut other.desired).balancer.interfaces = vec!["eth7".to_owned()];
    follower.file.send_replace(other);
    fake.set_reply(Reply::Truth);
    follower.next_answer().await;
    assert_eq!(follower.states.borrow().desired.balancer.interfaces, ["eth7"]);
    follower.stop().await;
}

#[tokio::test]
async fn an_object_that_is_wrong_costs_itself_only() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_load_balancers(vec![load_balancer(1), load_balancer(2)]);
    let mut follower =
        Follower::start(file(&fake, folder.path(), region()), folder.path(), LIMITS).await.unwrap();
    let mut wrong = load_balancer(1);
    wrong["forwarding_rules"] = json!([{"frontend_port": {}}]);
    let mut gone = load_balancer(3);
    gone["instances"] = json!(["vm-1", "vm-99"]);
    fake.set_load_balancers(vec![wrong, load_balancer(2), gone]);
    let status = follower.next_answer().await;
    assert_eq!(follower.labels(), ["lb-1", "lb-2", "lb-3"], "lb-1 stays what it was");
    let refused: Vec<String> = status.refused.iter().map(ToString::to_string).collect();
    assert!(refused[0].starts_with("lb-1 (web): is not understood: invalid type: map"), "{refused:?}");
    assert!(refused[1].starts_with("lb-3 (web), instance vm-99: is neither"), "{refused:?}");
    follower.stop().await;
}

#[tokio::test]
async fn load_balancers_are_chosen_by_id_or_label() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let mut metal = load_balancer(2);
    metal["instances"] = json!(["metal-1"]);
    metal["generic_info"] = json!({"vpc": "vpc-1"});
    metal["label"] = json!("other");
    fake.set_load_balancers(vec![load_balancer(1), metal, load_balancer(3)]);
    let ids = Selection::Ids(["lb-2", "lb-3"].map(str::to_owned).to_vec());
    let mut follower = Follower::start(file(&fake, folder.path(), ids), folder.path(), LIMITS).await.unwrap();
    assert_eq!(follower.labels(), ["lb-2", "lb-3"]);
    let address = follower.states.borrow().desired.load_balancers[0].instances[0].addresses[0];
    assert_eq!(address.to_string(), "10.99.0.1", "in the VPC");
    // One that the cloud does not know any more stays, and is said.
    fake.set_load_balancers(vec![load_balancer(1), load_balancer(3)]);
    let status = follower.next_answer().await;
    assert_eq!(follower.labels(), ["lb-2", "lb-3"]);
    assert!(status.refused[0].why.contains("404"), "{:?}", status.refused);
    // Another choice in the file takes over.
    follower.file.send_replace(file(&fake, folder.path(), Selection::Label("web".to_owned())));
    let labels: Vec<String> = tokio::time::timeout(DEADLINE, async {
        loop {
            follower.states.changed().await.unwrap();
            if follower.labels().len() == 2 && follower.labels()[0] != "lb-2" {
                return follower.labels();
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(
        labels.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        ["lb-1", "lb-3"].into()
    );
    follower.stop().await;
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_load_balancers(vec![load_balancer(1)]);
    let mut follower =
        Follower::start(file(&fake, folder.path(), region()), folder.path(), LIMITS).await.unwrap();
    follower.next_answer().await;
    let revalidated = |fake: &Fake| fake.requests().iter().filter(|request| request.not_modified).count();
    assert!(revalidated(&fake) > 0);
    fake.set_load_balancers(vec![load_balancer(2)]);
    follower.next_answer().await;
    assert_eq!(follower.labels(), ["lb-2"]);
    follower.stop().await;
}

#[tokio::test]
async fn ten_thousand_come_over_a_hundred_pages() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    fake.set_page(100);
    fake.set_load_balancers((1..=10_000).map(load_balancer).collect());
    let follower =
        Follower::start(file(&fake, folder.path(), region()), folder.path(), LIMITS).await.unwrap();
    assert_eq!(follower.labels().len(), 10_000);
    follower.stop().await;
    let pages =
        fake.requests().iter().filter(|request| request.path.starts_with("/v2/load-balancers")).count();
    assert!(pages >= 100, "{pages}");
}

#[tokio::test]
async fn without_a_cloud_the_file_is_followed() {
    let (fake, folder) = (Fake::start().await, tempfile::tempdir().unwrap());
    let alone = SourceState { desired: Arc::new(fixture::desired()), revision: 1, error: None };
    let mut follower = Follower::start(alone.clone(), folder.path(), LIMITS).await.unwrap();
    assert_eq!(follower.labels(), ["web"]);
    // A cloud that does not answer does not take away what the file said before.
    fake.set_reply(Reply::Json(500, String::new()));
    fake.set_load_balancers(vec![load_balancer(1)]);
    follower.file.send_replace(file(&fake, folder.path(), region()));
    follower.next_failure("500 Internal Server Error").await;
    assert_eq!(follower.labels(), ["web"]);
    fake.set_reply(Reply::Truth);
    follower.next_answer().await;
    assert_eq!(follower.labels(), ["lb-1"]);
    follower.file.send_replace(alone);
    follower.until(|status| status.url.is_none()).await;
    assert_eq!(follower.labels(), ["web"]);
    follower.stop().await;
}
