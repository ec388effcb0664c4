// SPDX-License-Identifier: MIT OR Apache-2.0
//! A cloud in this process: tells the truth, or whatever a test wants it to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it answers to questions about load balancers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// What it has.
    Truth,
    /// This status and body.
    Json(u16, String),
    /// 429 with this `Retry-After`.
    Busy(&'static str),
    /// Half an answer, and a closed connection.
    Aborted,
    /// Pages that lead back to each other, each with something new.
    Looping,
    /// Nothing, ever.
    Never,
}

/// A question that it got.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) not_modified: bool,
}

#[derive(Debug)]
struct Inner {
    reply: Reply,
    once: Option<Reply>,
    page: usize,
    load_balancers: Vec<Value>,
    asked: Vec<Asked>,
}

/// It runs until its test's runtime ends.
#[derive(Debug)]
pub(super) struct Fake {
    address: std::net::SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let inner = Inner {
            reply: Reply::Truth,
            once: None,
            page: 500,
            load_balancers: Vec::new(),
            asked: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn set_reply(&self, reply: Reply) {
        self.inner.lock().unwrap().reply = reply;
    }

    /// For the next question only.
    pub(super) fn set_once(&self, reply: Reply) {
        self.inner.lock().unwrap().once = Some(reply);
    }

    pub(super) fn set_page(&self, page: usize) {
        self.inner.lock().unwrap().page = page;
    }

    pub(super) fn set_load_balancers(&self, load_balancers: Vec<Value>) {
        self.inner.lock().unwrap().load_balancers = load_balancers;
    }

    pub(super) fn requests(&self) -> Vec<Asked> {
        self.inner.lock().unwrap().asked.clone()
    }
}

/// A load balancer with an address of its own, two machines behind it, and a rule.
pub(super) fn load_balancer(number: u32) -> Value {
    let [.., high, low] = number.to_be_bytes();
    json!({
        "id": format!("lb-{number}"), "label": "web", "region": "ewr", "status": "active",
        "ipv4": format!("192.18.{high}.{low}"), "ipv6": "", "generic_info": {"timeout": "60"},
        "forwarding_rules": [{"id": "1", "frontend_protocol": "tcp", "frontend_port": 80, "backend_protocol": "tcp",
            "backend_port": 30080}],
        "instances": ["vm-1", "vm-2"],
    })
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let reply = {
        let mut inner = inner.lock().unwrap();
        let authorization = parts.headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        inner.asked.push(Asked { path: path.clone(), authorization, not_modified: false });
        let about_load_balancers = path.starts_with("/v2/load-balancers");
        if about_load_balancers {
            inner.once.take().unwrap_or_else(|| inner.reply.clone())
        } else {
            Reply::Truth
        }
    };
    match reply {
        Reply::Truth => truth(&mut inner.lock().unwrap(), &path, &parts.headers),
        Reply::Json(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Busy(after) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, after)], r#"{"error":"slow down"}"#)
                .into_response()
        }
        Reply::Aborted => {
            let half = Bytes::from_static(b"{\"load_balancers\":[");
            let parts = [Ok(half), Err(std::io::Error::other("cut"))];
            Body::from_stream(futures_util::stream::iter(parts)).into_response()
        }
        Reply::Looping => {
            let (id, next) = if path.contains("cursor=a") { ("b", "b") } else { ("a", "a") };
            let id = if path.contains("cursor=b") { "c" } else { id };
            let meta = json!({"total": 9, "links": {"next": next, "prev": ""}});
            json!({"load_balancers": [{"id": id}], "meta": meta}).to_string().into_response()
        }
        Reply::Never => std::future::pending().await,
    }
}

fn truth(inner: &mut Inner, path: &str, headers: &HeaderMap) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let machine = |kind: &str, number: u8| json!({"id": format!("{kind}-{number}"), "main_ip": format!("198.51.100.{number}")});
    let body = match path {
        "/v2/load-balancers" => page("load_balancers", &inner.load_balancers, inner.page, query),
        "/v2/instances" => {
            let machines: Vec<Value> = (1..=4).map(|number| machine("vm", number)).collect();
            page("instances", &machines, 3, query)
        }
        "/v2/bare-metals" => page("bare_metals", &[machine("metal", 1)], 3, query),
        "/v2/bare-metals/metal-1/vpcs" => {
            page("vpcs", &[json!({"id": "vpc-1", "mac_address": 5, "ip_address": "10.99.0.1"})], 3, query)
        }
        _ => {
            let id = path.strip_prefix("/v2/load-balancers/").unwrap_or_default();
            let found = inner.load_balancers.iter().find(|balancer| balancer["id"] == id);
            let Some(found) = found else {
                return (StatusCode::NOT_FOUND, r#"{"error":"Not found.","status":404}"#).into_response();
            };
            json!({"load_balancer": found})
        }
    };
    let body = body.to_string();
    let tag = format!("\"{:x}\"", lb_common::hash::bytes(body.as_bytes()));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag) {
        inner.asked.last_mut().unwrap().not_modified = true;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, tag)], body).into_response()
}

/// A page; its cursor is a place, with characters that a query must not have as they are.
fn page(key: &str, items: &[Value], size: usize, query: &str) -> Value {
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=at%2F%3D"));
    let start: usize = cursor.map_or(0, |place| place.parse().unwrap());
    let end = items.len().min(start + size);
    let next = if end < items.len() { format!("at/={end}") } else { String::new() };
    let mut body = json!({"meta": {"total": items.len(), "links": {"next": next, "prev": ""}}});
    body[key] = json!(items[start..end]);
    body
}
