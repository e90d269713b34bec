//! A provider of text messages that takes everything and notes when.

use crate::site::Site;
use axum::Router;
use axum::body::Bytes;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;

const ACCEPTED: &str = r#"{"messages":[{"messageId":"x","status":{"id":26,"groupId":1,"groupName":"PENDING","name":"PENDING_ACCEPTED","description":"ok"}}]}"#;

pub struct Provider {
    address: SocketAddr,
    /// When a request had arrived whole, and its body.
    pub arrivals: UnboundedReceiver<(Instant, Bytes)>,
    serving: JoinHandle<()>,
}

impl Provider {
    pub async fn start() -> Provider {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port for the provider");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (note, arrivals) = mpsc::unbounded_channel();
        let take = move |body: Bytes| {
            // Without a body somebody asks for reports and answers.
            if !body.is_empty() {
                let _ = note.send((Instant::now(), body));
            }
            std::future::ready(([("content-type", "application/json")], ACCEPTED))
        };
        let router = Router::new().fallback(take);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it goes on") });
        Provider { address, arrivals, serving }
    }

    /// What a server needs to send by it.
    pub fn configure(&self, site: &mut Site) {
        site.set("NOTIFICATION_SENDING_ENABLED", "true");
        site.set("INFOBIP_BASE_URL", format!("http://{}", self.address));
        site.set("INFOBIP_API_KEY", "k3y");
        site.set("INFOBIP_SMS_SENDER", "PagerPal");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
