//! Reads request bodies: never more than allowed, never longer than [`TIME_LIMIT`].

use crate::web::error::WebError;
use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use std::future::Future;
use std::time::Duration;

/// From the end of the headers to the end of the body. Who needs longer for a megabyte holds a place on purpose.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Of a body that is too long anyway.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// The beginning of a body, and whether that is all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix {
    pub bytes: Bytes,
    pub is_whole: bool,
}

/// The whole body, or a refusal if it is longer than `limit` bytes.
pub async fn read(mut body: Body, limit: usize) -> Result<Bytes, WebError> {
    let prefix = in_time(prefix(&mut body, limit)).await?;
    if prefix.is_whole { Ok(prefix.bytes) } else { Err(WebError::TooLarge { limit }) }
}

/// Up to `limit` bytes of the body. The sender may finish a longer one, so that it hears the answer instead of a broken
/// connection; what is over the limit goes nowhere, and beyond [`DISCARDED_BYTES`] of it nobody listens.
pub async fn read_prefix(mut body: Body, limit: usize) -> Result<Prefix, WebError> {
    in_time(async {
        let prefix = prefix(&mut body, limit).await?;
        if !prefix.is_whole {
            discard(&mut body).await;
        }
        Ok(prefix)
    })
    .await
}

async fn in_time<T>(reading: impl Future<Output = Result<T, WebError>>) -> Result<T, WebError> {
    tokio::time::timeout(TIME_LIMIT, reading).await.map_err(|_| WebError::Timeout)?
}

async fn prefix(body: &mut Body, limit: usize) -> Result<Prefix, WebError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| WebError::BadRequest("The body broke off."))?;
        let Some(data) = frame.data_ref() else { continue };
        let room = limit - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok(Prefix { bytes: bytes.into(), is_whole: false });
        }
    }
    Ok(Prefix { bytes: bytes.into(), is_whole: true })
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
            let prefix = read_prefix(Body::from(vec![b'x'; length]), limit).await.expect("it arrives");
            assert_eq!((prefix.bytes.len(), prefix.is_whole), (kept, is_whole), "{length} of {limit}");
        }
        let refusal = read(Body::from("too long"), 3).await;
        assert!(matches!(refusal, Err(WebError::TooLarge { limit: 3 })));
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
