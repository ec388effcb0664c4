// SPDX-License-Identifier: MIT OR Apache-2.0
//! The API's token, from where it is kept to the header that carries it. Nothing else sees it.

use std::env::VarError;
use std::fs;
use std::io;

use hyper::header::HeaderValue;

use super::error::CloudError;
use crate::model::cloud::TokenPlace;
use crate::secret::Secret;

/// The header `Authorization`, marked so that it is not printed.
pub(super) fn header(place: &TokenPlace) -> Result<HeaderValue, CloudError> {
    let token = read(place).map_err(|source| CloudError::Token { place: place.to_string(), source })?;
    let refused = || CloudError::NoToken { place: place.to_string() };
    if token.is_empty() || token.expose().contains(char::is_whitespace) {
        return Err(refused());
    }
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| refused())?;
    header.set_sensitive(true);
    Ok(header)
}

fn read(place: &TokenPlace) -> io::Result<Secret> {
    let text = match place {
        TokenPlace::File(path) => fs::read_to_string(path)?,
        TokenPlace::Variable(name) => {
            // What the system says of a value that is not text would show the value.
            std::env::var(name).map_err(|error| match error {
                VarError::NotPresent => io::Error::new(io::ErrorKind::NotFound, "it is not set"),
                VarError::NotUnicode(_) => io::Error::new(io::ErrorKind::InvalidData, "it is not text"),
            })?
        }
    };
    Ok(Secret::new(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let place = TokenPlace::File(path.clone());
        assert!(matches!(header(&place), Err(CloudError::Token { .. })));
        for bad in ["", " \n", "two words", "a\u{1}b"] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(header(&place), Err(CloudError::NoToken { .. })), "{bad:?}");
        }
        fs::write(&path, "hunter2\n").unwrap();
        let header = header(&place).unwrap();
        assert_eq!(header.as_bytes(), b"Bearer hunter2");
        assert!(!format!("{header:?}").contains("hunter2"));
    }

    #[test]
    fn a_missing_variable_is_named_without_its_value() {
        let error = header(&TokenPlace::Variable("LB_TEST_NO_SUCH_TOKEN".to_owned())).unwrap_err();
        assert!(error.to_string().starts_with("the environment variable LB_TEST_NO_SUCH_TOKEN: "), "{error}");
    }
}
