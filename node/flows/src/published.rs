//! What of this domain anybody may read, as files: which there are, what is in them, and which have changed. Whoever
//! keeps them where a web server finds them lets others read without asking the node.

use crate::domain::{Domain, read_json};
use crate::error::Error;
use crate::members::{Member, table};
use did_resolver::did::Did;
use did_resolver::resolution::did_web_document;
use did_resolver::webvh::WebvhId;
use marque_rules::issuance::MemberKind;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::StatusList;
use vc_schemas::status::aggregation::Aggregation;

pub use crate::changed::{Changed, Kept, Publishing, Subject};

/// Members that are looked up at once.
const PAGE: usize = 256;

/// Longest list that may be there already.
const MAX_LIST_BYTES: usize = 4 * 1_024 * 1_024;

/// How long which lists there are may be kept: that changes once in a hundred thousand credentials.
pub const AGGREGATION_KEEP: Duration = Duration::from_secs(3_600);

/// A list is signed again at half of its ttl. As a part of its ttl so much may pass in caches, so that what these give
/// out is never older than three quarters of it.
const LIST_KEEP_PART: u32 = 4;

/// A file as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicFile {
    /// The path of its URL, without the first slash: names between slashes, none of them special.
    pub path: String,
    /// The same where a folder cannot have the name of a file.
    pub file_path: String,
    /// What is in it; `None` where there should be none.
    pub content: Option<Vec<u8>>,
    /// Its media type.
    pub media_type: &'static str,
    /// How long a cache may give it out without asking again; zero, it asks each time.
    pub keep: Duration,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Log,
    List(u64),
    /// It follows from one of the others.
    Derived,
}

impl Domain {
    /// From now on it is noted what changes, for a place of this kind. At first all may have.
    pub fn publish_to(&self, place: &'static str) -> Arc<Publishing> {
        self.unpublished.begin(place, self.now())
    }

    /// How the places are kept up where this domain is published.
    #[must_use]
    pub fn published(&self) -> Vec<Kept> {
        self.unpublished.kept(self.now())
    }

    /// What all files are about, a part at a time: what comes after `after`, or the first part. Empty behind the last.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn public_subjects(
        &self,
        after: Option<&(MemberKind, Vec<u8>)>,
    ) -> Result<(Vec<Subject>, Option<(MemberKind, Vec<u8>)>), Error> {
        let mut subjects = Vec::new();
        let (kind, name) = match after {
            None => {
                subjects.extend([Subject::Lists, Subject::Log(self.home.did.clone())]);
                (MemberKind::Owner, None)
            }
            Some((kind, name)) => (*kind, Some(name.as_slice()).filter(|name| !name.is_empty())),
        };
        let rows = self.records.scan(table(kind), &[], name, PAGE).await?;
        let next = match (rows.last(), kind) {
            (Some(row), _) => Some((kind, row.key.clone())),
            (None, MemberKind::Owner) => Some((MemberKind::Agent, Vec::new())),
            (None, MemberKind::Agent) => None,
        };
        for row in rows {
            let member = Member::read(kind, &read_json(&row.stored.value)?, 0)?;
            subjects.push(Subject::Log(member.did));
        }
        Ok((subjects, next))
    }

    /// The files about a subject as they should be now, in the order in which they are to be written.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn public_files(&self, subject: &Subject) -> Result<Vec<PublicFile>, Error> {
        match subject {
            Subject::Log(did) => self.files_of_log(did).await,
            Subject::Lists => self.files_of_lists().await,
        }
    }

    async fn files_of_log(&self, did: &Did) -> Result<Vec<PublicFile>, Error> {
        // What stands elsewhere is for others to publish.
        let Some(id) = WebvhId::parse(did).ok().filter(|id| id.host() == self.home.label) else {
            return Ok(Vec::new());
        };
        let held = self.held_log(did).await?;
        // Of a contested one no history is shown as if it were the only one.
        let log = held.log();
        let document = log.and_then(|log| did_web_document(log));
        let url = id.log_url();
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        let folder = path.and_then(|(_, path)| path.rsplit_once('/'));
        let (folder, _) = folder.ok_or(Error::Record("the place of a log"))?;
        let file = |name: &str, media_type, kind, content| PublicFile {
            path: format!("{folder}/{name}"),
            file_path: format!("{folder}/{name}"),
            content,
            media_type,
            // Who resolves a DID wants the newest.
            keep: Duration::ZERO,
            kind,
        };
        let document = document.map(|json| json.to_string().into_bytes());
        Ok(vec![
            // Before what it approves.
            file(
                "did-witness.json",
                "application/json",
                Kind::Derived,
                log.and_then(|log| log.witness_file()),
            ),
            file("did.jsonl", "text/jsonl", Kind::Log, log.map(|log| log.bytes().to_vec())),
            file("did.json", "application/did+json", Kind::Derived, document),
        ])
    }

    async fn files_of_lists(&self) -> Result<Vec<PublicFile>, Error> {
        let (mut files, mut urls) = (Vec::new(), Vec::new());
        for list in self.own_lists().await? {
            urls.push(self.home.list_url(list));
            let name = list.name();
            if let Some(fact) = self.held_own_list(list).await? {
                let secured = fact.list.secured();
                files.push(PublicFile {
                    path: format!("status/{name}"),
                    file_path: format!("status/{}", name.replace('/', ".")),
                    content: Some(secured.bytes().to_vec()),
                    media_type: secured.media_type(),
                    keep: fact.list.ttl / LIST_KEEP_PART,
                    kind: Kind::List(fact.list.sequence),
                });
            }
        }
        files.push(PublicFile {
            path: "status/aggregation".to_owned(),
            file_path: "status/aggregation".to_owned(),
            content: Some(Aggregation { lists: urls }.to_json().to_string().into_bytes()),
            media_type: "application/json",
            keep: AGGREGATION_KEEP,
            kind: Kind::Derived,
        });
        Ok(files)
    }

    /// Whether what is `there` is newer than a file as it should be: a log that goes on where this one ends, a list
    /// of this domain with a higher number. Then the store is the older one, and the file is left.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn is_newer(&self, there: &[u8], file: &PublicFile) -> Result<bool, Error> {
        let Some(content) = file.content.as_deref() else { return Ok(false) };
        match file.kind {
            Kind::Derived => Ok(false),
            Kind::Log => Ok(there.len() > content.len() && there.starts_with(content)),
            Kind::List(sequence) => {
                let Some((document, _)) = self.active_document(&self.home.did).await? else {
                    return Ok(false);
                };
                let list = Secured::parse(Content::Credential, Envelope::Jwt, there, MAX_LIST_BYTES).ok();
                let list = list.and_then(|list| StatusList::verified(list, &document, self.now()).ok());
                Ok(list.is_some_and(|list| list.sequence > sequence))
            }
        }
    }
}
