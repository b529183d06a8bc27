//! A text that must not be seen. Whoever has to send it calls `expose`; nothing else shows it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A secret: it has no `Display`, and its `Debug` prints `***`.
///
/// Never empty and without white space around it: secrets are pasted, and a line break at the end is refused by
/// Zoho with an answer that does not say why.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The secret in `text`, trimmed; none when nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(SecretString::from(text)))
    }

    /// The text itself, for the request that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Two secrets are compared without being seen.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_stars() {
        let secret = Secret::new("1000.abc").expect("it has text");
        assert_eq!(format!("{secret:?} {:?}", Some(secret.clone())), "*** Some(***)");
        assert_eq!(secret.expose(), "1000.abc");
    }

    #[test]
    fn white_space_around_a_secret_is_not_part_of_it() {
        assert_eq!(Secret::new(" 1000.abc\n").expect("it has text").expose(), "1000.abc");
        assert!(Secret::new(" \n").is_none());
    }
}
