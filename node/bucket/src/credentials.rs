//! The keys to the store: of a file that is read for each request, so that new ones count at once, or given.

use crate::limits::MAX_CREDENTIALS_BYTES;
use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// A pair of keys, and a token where they are of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Which pair it is.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The token of the session, which is secret too.
    pub token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// These.
    Given(Keys),
    /// The file at this path, in the form of `~/.aws/credentials`: what it says under `[default]`, or under nothing.
    File(PathBuf),
}

impl Credentials {
    /// The keys as they are now.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub async fn keys(&self) -> Result<Keys, CredentialsError> {
        let path = match self {
            Self::Given(keys) => return Ok(keys.clone()),
            Self::File(path) => path,
        };
        let mut bytes = Vec::new();
        let file = File::open(path).await.map_err(|error| CredentialsError::Unread(error.to_string()))?;
        let mut file = file.take(MAX_CREDENTIALS_BYTES as u64 + 1);
        file.read_to_end(&mut bytes).await.map_err(|error| CredentialsError::Unread(error.to_string()))?;
        if bytes.len() > MAX_CREDENTIALS_BYTES {
            return Err(CredentialsError::Form);
        }
        read(std::str::from_utf8(&bytes).map_err(|_| CredentialsError::Form)?)
    }
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let keys = self.keys().await;
        let Keys { id, secret, token } =
            keys.map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(Arc::new(AwsCredential { key_id: id, secret_key: secret, token }))
    }
}

fn read(text: &str) -> Result<Keys, CredentialsError> {
    let (mut counts, mut id, mut secret, mut token) = (true, None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(profile) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            counts = profile.trim() == "default";
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(CredentialsError::Form)?;
        let place = match name.trim() {
            "aws_access_key_id" => &mut id,
            "aws_secret_access_key" => &mut secret,
            "aws_session_token" => &mut token,
            // Other programs have settings of their own there.
            _ => continue,
        };
        if counts {
            *place = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Keys { id, secret, token }),
        _ => Err(CredentialsError::Form),
    }
}

/// Why there are no keys. Nothing of what was read is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsError {
    /// The file cannot be read.
    Unread(String),
    /// It does not say both keys.
    Form,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(why) => write!(f, "the credentials of the bucket cannot be read: {why}"),
            Self::Form => f.write_str(
                "the file of credentials does not say aws_access_key_id and aws_secret_access_key",
            ),
        }
    }
}

impl std::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str, secret: &str, token: Option<&str>) -> Keys {
        Keys { id: id.to_owned(), secret: secret.to_owned(), token: token.map(str::to_owned) }
    }

    #[test]
    fn the_keys_of_the_default_profile_count_and_no_others() {
        let text = "# ours\n[other]\naws_access_key_id=X\naws_secret_access_key=Y\n\n[default]\nregion = eu\n\
                    aws_access_key_id = A\naws_secret_access_key = B/+=\naws_session_token = C\n[third]\n\
                    aws_access_key_id = Z\n";
        assert_eq!(read(text), Ok(keys("A", "B/+=", Some("C"))));
        assert_eq!(read("aws_access_key_id=A\r\naws_secret_access_key=B\r\n"), Ok(keys("A", "B", None)));
        for text in ["", "aws_access_key_id=A", "[x]\naws_access_key_id=A\naws_secret_access_key=B", "A:B"] {
            assert_eq!(read(text), Err(CredentialsError::Form), "{text}");
        }
        let empty = "aws_access_key_id=A\naws_secret_access_key=\n";
        assert_eq!(read(empty), Err(CredentialsError::Form));
    }

    #[test]
    fn what_is_secret_is_in_no_debug_output() {
        let keys = keys("ID", "SECRET", Some("TOKEN"));
        let text = format!("{keys:?} {:?}", Credentials::Given(keys.clone()));
        assert!(!text.contains("SECRET") && !text.contains("TOKEN"), "{text}");
    }

    #[tokio::test]
    async fn the_file_is_read_each_time_and_up_to_its_bound() {
        let path = std::env::temp_dir().join(format!("marque-credentials-{}", std::process::id()));
        let of_file = Credentials::File(path.clone());
        assert!(matches!(of_file.keys().await, Err(CredentialsError::Unread(_))));
        for id in ["A", "B"] {
            std::fs::write(&path, format!("aws_access_key_id={id}\naws_secret_access_key=S\n")).unwrap();
            assert_eq!(of_file.keys().await, Ok(keys(id, "S", None)));
        }
        let long =
            format!("aws_access_key_id=A\naws_secret_access_key=B\n#{}", "x".repeat(MAX_CREDENTIALS_BYTES));
        std::fs::write(&path, long).unwrap();
        let read = of_file.keys().await;
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read, Err(CredentialsError::Form));
    }
}
