//! Listens, takes connections, and lets them finish when the process ends.
//!
//! What a connection may cost is bounded: so many at once, so many from one address, so long for its headers. Beyond
//! the first limit new ones wait in the kernel's queue, since slow ones give up their place within seconds; beyond the
//! second they are closed at once.

use crate::web::address::Peer;
use crate::web::tls::Tls;
use crate::web::{Web, live, metrics, routes, seen, sign_ins};
use axum::Router;
use axum::body::Body;
use axum::http::Uri;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

pub const CONNECTIONS: usize = 1024;
/// From one address. Proxies we trust and this machine itself carry many people.
pub const CONNECTIONS_PER_ADDRESS: usize = 64;
/// For the headers of a request, and for the silence between two requests of a connection.
pub const HEADER_TIME_LIMIT: Duration = Duration::from_secs(5);
pub const HEADER_BYTES: usize = 16 * 1024;
/// Of watchers: one or two ask at a time.
const METRICS_CONNECTIONS: usize = 16;
/// After being told to stop: for requests that have begun.
pub const DRAIN_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Why nothing listens, in a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "{0} is in use by another program, perhaps by another PagerPal. Stop it, or choose another port with \
         LISTEN_ADDRESS."
    )]
    InUse(SocketAddr),
    #[error("listening on {0} is not permitted. Choose a port from 1024 up with LISTEN_ADDRESS, or allow this one.")]
    NotPermitted(SocketAddr),
    #[error("{} is no address of this machine. Correct LISTEN_ADDRESS.", .0.ip())]
    NotOurs(SocketAddr),
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, #[source] io::Error),
}

pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        io::ErrorKind::PermissionDenied => BindError::NotPermitted(address),
        io::ErrorKind::AddrNotAvailable => BindError::NotOurs(address),
        _ => BindError::Other(address, error),
    })
}

/// Serves until `stop` is done, then waits for requests that have begun.
pub async fn serve(web: Arc<Web>, listener: TcpListener, tls: Option<Arc<Tls>>, stop: impl Future<Output = ()>) {
    live::follow(&web);
    let router = routes::router(Arc::clone(&web));
    let (closing, closed) = watch::channel(());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let addresses = Addresses::default();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let mut notes = pin!(seen::keep_writing_down(&web));
    let mut strips = pin!(live::watch_strips(&web));
    let mut fresh = pin!(async {
        match &tls {
            Some(tls) => tls.keep_fresh(&web.app).await,
            None => std::future::pending().await,
        }
    });
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            () = &mut notes => break,
            () = &mut strips => break,
            () = &mut fresh => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, address, place)) = accepted else { continue };
        let is_exempt = address.ip().is_loopback() || (web.settings.is_trusted_proxy)(address.ip());
        let Some(seat) = addresses.seat(address.ip(), is_exempt) else { continue };
        let (router, closed, tls) = (router.clone(), closed.clone(), tls.as_ref().map(|tls| tls.acceptor()));
        connections.spawn(async move {
            match tls {
                None => serve_connection(router, stream, Peer { address, is_tls: false }, closed).await,
                Some(acceptor) => match tokio::time::timeout(HEADER_TIME_LIMIT, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => serve_connection(router, stream, Peer { address, is_tls: true }, closed).await,
                    Ok(Err(error)) => tracing::debug!(%address, "no TLS came about: {error}"),
                    Err(_) => tracing::debug!(%address, "no TLS came about in time"),
                },
            }
            drop((place, seat));
        });
    }
    drop(closing);
    web.live.close();
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIME_LIMIT, drained).await.is_err() {
        tracing::warn!("some connections did not end in {} s and were cut", DRAIN_TIME_LIMIT.as_secs());
    }
    sign_ins::sum_up(&web, true);
    seen::write_down(&web).await;
}

/// Answers Prometheus, and nobody else, until it is dropped.
pub async fn serve_metrics(web: Arc<Web>, listener: TcpListener) {
    let router = Router::new().fallback(move |uri: Uri| metrics::answer(Arc::clone(&web), uri));
    let places = Arc::new(Semaphore::new(METRICS_CONNECTIONS));
    let (_open, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    loop {
        let accepted = accept(&listener, &places).await;
        while connections.try_join_next().is_some() {}
        let Some((stream, address, place)) = accepted else { continue };
        let (router, closed) = (router.clone(), closed.clone());
        connections.spawn(async move {
            serve_connection(router, stream, Peer { address, is_tls: false }, closed).await;
            drop(place);
        });
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, Place)> {
    let place = Arc::clone(places).acquire_owned().await.expect("nobody closes the places");
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are small and written whole: waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, address, place))
        }
        Err(error) => {
            // Out of file descriptors, or the client went away again: either passes.
            tracing::warn!("accepting a connection failed: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn serve_connection<S>(router: Router, stream: S, peer: Peer, closed: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME_LIMIT).max_header_size(HEADER_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut closed = pin!(async move {
        let mut closed = closed;
        // The sender never sends: it is dropped when the server stops.
        let _ = closed.changed().await;
    });
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = &mut closed => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(address = %peer.address, "a connection ended early: {error}");
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One connection's place among those of its address, given back when dropped.
struct Seat(Addresses, IpAddr);

impl Addresses {
    fn seat(&self, address: IpAddr, is_exempt: bool) -> Option<Seat> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= CONNECTIONS_PER_ADDRESS && !is_exempt {
            return None;
        }
        *count += 1;
        Some(Seat(self.clone(), address))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_so_many_connections_and_proxies_more() {
        let addresses = Addresses::default();
        let stranger: IpAddr = [192, 0, 2, 1].into();
        let mut seats: Vec<_> =
            (0..CONNECTIONS_PER_ADDRESS).map(|_| addresses.seat(stranger, false).expect("a free seat")).collect();
        assert!(addresses.seat(stranger, false).is_none());
        assert!(addresses.seat(stranger, true).is_some());
        assert!(addresses.seat([192, 0, 2, 2].into(), false).is_some());
        seats.pop();
        assert!(addresses.seat(stranger, false).is_some());
        drop(seats);
        assert!(addresses.0.lock().expect("no panic").is_empty());
    }

    #[tokio::test]
    async fn a_busy_port_is_one_clear_sentence() {
        let first = bind(([127, 0, 0, 1], 0).into()).await.expect("any free port");
        let address = first.local_addr().expect("it is bound");
        let error = bind(address).await.expect_err("it is taken").to_string();
        assert_eq!(
            error,
            format!(
                "{address} is in use by another program, perhaps by another PagerPal. Stop it, or choose another port \
                 with LISTEN_ADDRESS."
            )
        );
        let elsewhere = bind("192.0.2.1:8000".parse().expect("an address")).await.expect_err("a documentation address");
        assert_eq!(elsewhere.to_string(), "192.0.2.1 is no address of this machine. Correct LISTEN_ADDRESS.");
    }
}
