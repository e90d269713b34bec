//! A name server that knows one name: A records of 127.0.0.1 for it, no such name for all others.
//!
//! Resolvers ask port 53 and no other, so it listens there, on a loopback address of its own; only root may.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Where it listens: no other name server of the machine does.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 53);

pub struct NameServer {
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl NameServer {
    pub async fn start(name: &str) -> io::Result<NameServer> {
        let socket = UdpSocket::bind(SocketAddr::from((ADDRESS, 53))).await?;
        let (asked, name): (Arc<Mutex<Vec<String>>>, _) = (Arc::default(), name.to_owned());
        let noting = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let Some(question) = Question::read(&packet[..length]) else { continue };
                noting.lock().expect("nobody panics while noting").push(question.name.clone());
                let _ = socket.send_to(&question.answer(&name), from).await;
            }
        });
        Ok(NameServer { asked, serving })
    }

    /// The names that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics while noting").clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// RFC 1035, 4.1: the header's id, and the one question.
struct Question<'a> {
    id: &'a [u8],
    name: String,
    /// 1 asks for an IPv4 address.
    kind: u8,
    /// As it came, to be repeated in the answer.
    bytes: &'a [u8],
}

impl Question<'_> {
    fn read(packet: &[u8]) -> Option<Question<'_>> {
        let (mut name, mut at) = (Vec::new(), 12);
        loop {
            let length = usize::from(*packet.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            name.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_ascii_lowercase());
            at += length;
        }
        Some(Question {
            id: packet.get(..2)?,
            name: name.join("."),
            kind: *packet.get(at + 1)?,
            bytes: packet.get(12..at + 4)?,
        })
    }

    fn answer(&self, known: &str) -> Vec<u8> {
        let is_known = self.name == known;
        let has_address = is_known && self.kind == 1;
        // A response to a recursive question, with one answer or none, and NXDOMAIN for other names.
        let mut packet =
            [self.id, &[0x81, if is_known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0]].concat();
        packet.extend(self.bytes);
        if has_address {
            // The name as a pointer to the question, type A, class IN, a minute to live, four bytes.
            packet.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            packet.extend(Ipv4Addr::LOCALHOST.octets());
        }
        packet
    }
}
