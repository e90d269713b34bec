//! Waiting for state to change: woken by the change, never by a clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A value that tasks can wait on.
#[derive(Default)]
pub struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Watched<T> {
    pub fn new(value: T) -> Self {
        Watched { value: Mutex::new(value), changed: Notify::new() }
    }

    /// Changes the value and wakes everybody who waits.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    /// Waits until `probe` finds something, and returns it.
    ///
    /// # Panics
    /// When `within` has passed, naming `what` the test waited for.
    pub async fn wait_for<R>(&self, what: &str, within: Duration, mut probe: impl FnMut(&T) -> Option<R>) -> R {
        let found = async {
            loop {
                // Armed before looking, so that a change in between is not missed.
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(found) = self.look(&mut probe) {
                    return found;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(within, found).await {
            Ok(found) => found,
            Err(_) => panic!("waited {within:?} in vain for {what}"),
        }
    }

    /// A test that panicked while it held the lock has failed already; the others may go on.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_wakes_the_waiting() {
        let counter = Arc::new(Watched::new(0));
        let other = counter.clone();
        let waiting =
            tokio::spawn(
                async move { other.wait_for("three", Duration::from_secs(5), |n| (*n == 3).then_some(*n)).await },
            );
        for _ in 0..3 {
            counter.change(|n| *n += 1);
        }
        assert_eq!(waiting.await.expect("the waiting task ended well"), 3);
    }

    #[tokio::test]
    #[should_panic(expected = "in vain for the moon")]
    async fn waiting_ends() {
        Watched::new(()).wait_for("the moon", Duration::from_millis(1), |()| None::<()>).await;
    }
}
