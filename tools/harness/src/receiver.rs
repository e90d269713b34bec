//! A server that takes every request, says 200 and keeps it: what a webhook sender sends, seen before PagerPal sees it.

use crate::wait::Watched;
use axum::Router;
use axum::body::Bytes;
use axum::extract::OriginalUri;
use axum::http::{HeaderMap, Method};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub struct Receiver {
    address: SocketAddr,
    posts: Arc<Watched<Vec<Post>>>,
    serving: JoinHandle<()>,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Post {
    pub method: Method,
    /// With the query, if any.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Post {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; `None` if absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port for a receiver");
        let address = listener.local_addr().expect("a bound socket has an address");
        let posts = Arc::new(Watched::new(Vec::new()));
        let kept = posts.clone();
        let keep = move |method: Method, OriginalUri(uri): OriginalUri, headers: HeaderMap, body: Bytes| {
            let post = Post { method, path: uri.to_string(), headers, body };
            kept.change(|posts: &mut Vec<Post>| posts.push(post));
            std::future::ready(())
        };
        let router = Router::new().fallback(keep);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving does not end") });
        Receiver { address, posts, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that arrived, oldest first.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.look(Clone::clone)
    }

    /// Waits for the first request that `wanted` accepts.
    ///
    /// # Panics
    /// When `within` has passed, naming `what`.
    pub async fn wait_for(&self, what: &str, within: Duration, wanted: impl Fn(&Post) -> bool) -> Post {
        self.posts.wait_for(what, within, |posts| posts.iter().find(|post| wanted(post)).cloned()).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
