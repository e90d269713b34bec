//! Reads request bodies: never more than allowed, never longer than [`TIME_LIMIT`].

use crate::web::error::WebError;
use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// From the end of the headers to the end of the body. Who needs longer for a megabyte holds a place on purpose.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Of a body that is too long anyway.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;
const DISCARD_TIME_LIMIT: Duration = Duration::from_secs(5);

/// From here on a body is large, and only so many large ones are in memory at once: a thousand connections with a
/// megabyte each, and what parsing makes of it, would be more than the process may have.
const LARGE_BYTES: usize = 64 * 1024;
const LARGE_AT_ONCE: usize = 16;
/// For a large body to get its place; then it is our own trouble.
const PLACE_TIME_LIMIT: Duration = Duration::from_secs(5);

/// The places for large bodies. Clones share them.
#[derive(Clone, Debug)]
pub struct LargeBodies(Arc<Semaphore>);

/// The beginning of a body.
#[derive(Debug)]
pub struct Prefix {
    pub bytes: Bytes,
    /// Whether that is all of it.
    pub is_whole: bool,
    /// Held for as long as the bytes are worked on.
    pub place: Option<OwnedSemaphorePermit>,
}

impl Default for LargeBodies {
    fn default() -> LargeBodies {
        LargeBodies(Arc::new(Semaphore::new(LARGE_AT_ONCE)))
    }
}

impl LargeBodies {
    /// Up to `limit` bytes of the body. The sender may finish a longer one, so that it hears the answer instead of a
    /// broken connection; what is over the limit goes nowhere, and nobody listens to it for ever.
    pub async fn read_prefix(&self, mut body: Body, limit: usize) -> Result<Prefix, WebError> {
        let prefix = in_time(prefix(&mut body, limit, self)).await?;
        if !prefix.is_whole {
            let _ = tokio::time::timeout(DISCARD_TIME_LIMIT, discard(&mut body)).await;
        }
        Ok(prefix)
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, WebError> {
        let place = tokio::time::timeout(PLACE_TIME_LIMIT, Arc::clone(&self.0).acquire_owned()).await;
        Ok(place.map_err(|_| WebError::Unavailable)?.expect("nobody closes the places"))
    }
}

/// The whole body, or a refusal if it is longer than `limit` bytes.
pub async fn read(mut body: Body, limit: usize) -> Result<Bytes, WebError> {
    let prefix = in_time(prefix(&mut body, limit, &LargeBodies::default())).await?;
    if prefix.is_whole { Ok(prefix.bytes) } else { Err(WebError::TooLarge { limit }) }
}

async fn in_time<T>(reading: impl Future<Output = Result<T, WebError>>) -> Result<T, WebError> {
    tokio::time::timeout(TIME_LIMIT, reading).await.map_err(|_| WebError::Timeout)?
}

async fn prefix(body: &mut Body, limit: usize, large: &LargeBodies) -> Result<Prefix, WebError> {
    let (mut bytes, mut place) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| WebError::BadRequest("The body broke off."))?;
        let Some(data) = frame.data_ref() else { continue };
        let kept = data.len().min(limit - bytes.len());
        if place.is_none() && bytes.len() + kept > LARGE_BYTES {
            place = Some(large.place().await?);
        }
        bytes.extend_from_slice(&data[..kept]);
        if kept < data.len() {
            return Ok(Prefix { bytes: bytes.into(), is_whole: false, place });
        }
    }
    Ok(Prefix { bytes: bytes.into(), is_whole: true, place })
}

async fn discard(body: &mut Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARDED_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::HttpBody;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        for (length, limit, kept, is_whole) in [(0, 0, 0, true), (5, 5, 5, true), (6, 5, 5, false), (1, 0, 0, false)] {
            let body = Body::from(vec![b'x'; length]);
            let prefix = LargeBodies::default().read_prefix(body, limit).await.expect("it arrives");
            assert_eq!((prefix.bytes.len(), prefix.is_whole), (kept, is_whole), "{length} of {limit}");
        }
        let refusal = read(Body::from("too long"), 3).await;
        assert!(matches!(refusal, Err(WebError::TooLarge { limit: 3 })));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_large_bodies_are_held_at_once() {
        let large = LargeBodies::default();
        let read = async |length: usize| large.read_prefix(Body::from(vec![b'x'; length]), 1024 * 1024).await;
        let mut held = Vec::new();
        for _ in 0..LARGE_AT_ONCE {
            held.push(read(LARGE_BYTES + 1).await.expect("a place is free"));
        }
        assert!(matches!(read(LARGE_BYTES + 1).await, Err(WebError::Unavailable)));
        assert!(read(LARGE_BYTES).await.is_ok(), "small ones need no place");
        held.pop();
        assert!(read(LARGE_BYTES + 1).await.is_ok());
    }

    struct Silence;

    impl HttpBody for Silence {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        assert!(matches!(read(Body::new(Silence), 10).await, Err(WebError::Timeout)));
    }
}
