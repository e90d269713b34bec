//! A fake Infobip on loopback: what PagerPal believes about its text and WhatsApp provider, as running code.
//!
//! It serves `POST /sms/3/messages`, `POST /whatsapp/1/message/template`, `GET /sms/3/reports`, `GET /sms/3/logs` and `GET
//! /sms/1/inbox/reports`, and pushes delivery reports and people's messages when a test says so. It applies the flooding filter and the duplicate check exactly, keeps
//! every request, counts the copies that reach each phone, and fails as it is scripted to. The shape of its SMS answers
//! is held by the vendor's own Python client (`python/infobip_contract.py`), which has no WhatsApp; that part follows the
//! vendor's published model. Whether the real provider refuses repeated ids of WhatsApp messages is not known; this does.
//!
//! A message that is taken reaches the phone at once, and its report is ready at once.

mod memory;
mod request;
mod server;
mod status;
#[cfg(test)]
mod tests;

pub use memory::{Channel, Copy, Fault, Inbound, Memory, Message, Received, Taken};

use crate::http;
use crate::wait::Watched;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The running fake. It ends, and cuts its connections, when it is dropped.
pub struct FakeInfobip {
    address: SocketAddr,
    key: String,
    memory: Arc<Watched<Memory>>,
    serving: JoinHandle<()>,
}

impl FakeInfobip {
    /// Starts on a free port and takes `key` as the account's API key.
    pub async fn start(key: &str) -> FakeInfobip {
        Self::start_on(0, key, Arc::default()).await
    }

    async fn start_on(port: u16, key: &str, memory: Arc<Watched<Memory>>) -> FakeInfobip {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port for the fake provider");
        let address = listener.local_addr().expect("a bound socket has an address");
        let router = server::router(key, memory.clone());
        let serving = tokio::spawn(server::serve(listener, router));
        FakeInfobip { address, key: key.to_string(), memory, serving }
    }

    /// Goes away, as an outage does: connections are refused until it comes back, at the same address and with the
    /// same memory.
    pub async fn outage(self) -> Outage {
        let (port, key, memory) = (self.address.port(), self.key.clone(), self.memory.clone());
        drop(self);
        Outage { port, key, memory }
    }

    /// What goes into `INFOBIP_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// The next `count` requests of this channel that are authorised and well-formed meet this fault; scripts queue up.
    ///
    /// # Panics
    /// On a status id that the provider does not have.
    pub fn fail_next(&self, channel: Channel, count: usize, fault: Fault) {
        if let Fault::RejectedIn200(id) | Fault::Undelivered(id) = fault {
            // Asked for here, where the test sees the panic, rather than in the server.
            status::status(id);
        }
        self.memory.change(|memory| memory.script(channel, count, fault));
    }

    /// How many scripted faults no request has met: a test that ends with some left has tested less than it says.
    pub fn faults_left(&self, channel: Channel) -> usize {
        self.memory.look(|memory| memory.faults_left(channel))
    }

    /// Looks at what happened so far, without a copy of all of it.
    pub fn look<R>(&self, look: impl FnOnce(&Memory) -> R) -> R {
        self.memory.look(look)
    }

    /// Every request so far, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.memory.look(|memory| memory.received.clone())
    }

    /// Every message that reached a phone, in order.
    pub fn handsets(&self) -> Vec<Copy> {
        self.memory.look(|memory| memory.handsets.clone())
    }

    /// How many copies of a text reached a number.
    pub fn copies(&self, to: &str, text: &str) -> usize {
        self.memory.look(|memory| memory.handsets.iter().filter(|copy| copy.to == to && copy.text == text).count())
    }

    /// How many copies with this message id reached phones.
    pub fn copies_of(&self, message_id: &str) -> usize {
        self.memory.look(|memory| memory.handsets.iter().filter(|copy| copy.message_id == message_id).count())
    }

    /// Waits until `probe` finds something in what happened so far, without polling.
    ///
    /// # Panics
    /// When `within` has passed, naming `what`.
    pub async fn wait_for<R>(&self, what: &str, within: Duration, probe: impl FnMut(&Memory) -> Option<R>) -> R {
        self.memory.wait_for(what, within, probe).await
    }

    /// Waits for the first message on a phone that `wanted` accepts.
    ///
    /// # Panics
    /// When `within` has passed, naming `what`.
    pub async fn wait_for_copy(&self, what: &str, within: Duration, wanted: impl Fn(&Copy) -> bool) -> Copy {
        self.wait_for(what, within, |memory| memory.handsets.iter().find(|copy| wanted(copy)).cloned()).await
    }

    /// The body of a delivery report callback for these messages, in this order and as often as they are named, for
    /// tests that post it late, twice or shuffled.
    ///
    /// # Panics
    /// When one was never taken.
    pub fn report(&self, message_ids: &[&str]) -> Value {
        self.memory.look(|memory| {
            let results = message_ids.iter().map(|id| {
                let taken = memory.taken.iter().find(|taken| taken.message.id == *id);
                server::report(taken.unwrap_or_else(|| panic!("no message {id} was taken")))
            });
            serde_json::json!({ "results": results.collect::<Vec<Value>>() })
        })
    }

    /// Somebody sends a text message to us; it waits to be asked for. The answer is its id.
    pub fn text_in(&self, from: &str, to: &str, text: &str) -> String {
        self.memory.change(|memory| {
            let id = memory.new_id();
            let (from, to, text) = (from.to_string(), to.to_string(), text.to_string());
            let at = jiff::Timestamp::now();
            memory.inbound.push(Inbound { id: id.clone(), from, to, text, at, fetched: false });
            id
        })
    }

    /// Posts a message that somebody sent to `url`, as often as a test likes, and returns the answer's status.
    ///
    /// # Panics
    /// When there is no such message, or nobody answers there.
    pub async fn push_inbound(&self, id: &str, url: &str) -> u16 {
        let body = self.memory.change(|memory| {
            let inbound = memory.inbound.iter_mut().find(|inbound| inbound.id == id);
            let inbound = inbound.unwrap_or_else(|| panic!("nobody sent {id}"));
            inbound.fetched = true;
            serde_json::json!({ "results": [server::received(inbound)], "messageCount": 1, "pendingMessageCount": 0 })
        });
        let answer = http::post(url).json(&body).send().await;
        answer.unwrap_or_else(|error| panic!("{url}: {error}")).status
    }

    /// Posts a message's report to the address that the message named, and returns the answer's status.
    ///
    /// # Panics
    /// When the message was never taken, named no address, or nobody answers there.
    pub async fn push_report(&self, message_id: &str) -> u16 {
        let url = self.memory.look(|memory| {
            let taken = memory.taken.iter().find(|taken| taken.message.id == message_id);
            taken.and_then(|taken| taken.message.report_url.clone())
        });
        let url = url.unwrap_or_else(|| panic!("message {message_id} was not taken, or wants no report"));
        let answer = http::post(&url).json(&self.report(&[message_id])).send().await;
        answer.unwrap_or_else(|error| panic!("{url}: {error}")).status
    }
}

impl Drop for FakeInfobip {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A fake provider that is away.
pub struct Outage {
    port: u16,
    key: String,
    memory: Arc<Watched<Memory>>,
}

impl Outage {
    pub async fn end(self) -> FakeInfobip {
        FakeInfobip::start_on(self.port, &self.key, self.memory).await
    }
}
