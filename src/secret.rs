//! A value that must not be seen: a provider's key, a password, the secret of the installation.
//!
//! It cannot be printed, compared with `==` or serialized by accident. [`Secret::expose`] is the one way in, so a search
//! for that word finds every place where a secret is used. `Debug` exists, without content, so that a struct of settings
//! may still derive it. Secrets are compared where they are checked, in constant time.
//!
//! ```compile_fail
//! println!("{}", pagerpal::secret::Secret::new("k"));
//! ```
//! ```compile_fail
//! assert!(pagerpal::secret::Secret::new("k") == pagerpal::secret::Secret::new("k"));
//! ```
//! ```compile_fail
//! fn stored(value: impl serde::Serialize) {}
//! stored(pagerpal::secret::Secret::new("k"));
//! ```

use std::fmt;

#[derive(Clone)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    /// The value itself, for the moment it is needed.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_and_can_be_used() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{:?}", Some(secret.clone())), "Some((secret))");
        assert_eq!(secret.expose(), "hunter2");
    }
}
