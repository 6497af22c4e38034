//! An approval counts once: its claim is in one batch with the decision that it lets through, so that of two
//! uses at once, and of two that a restart lies between, one is refused.

use crate::domain::Domain;
use crate::error::Error;
use crate::ports::records::{Expect, Table, Write};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use vc_schemas::check::{Obligation, Verdict};

/// What the keys of these claims begin with.
const PREFIX: &[u8] = b"approval/";

/// Most claims that are cleared beside a new one: more than come, so that none stays for long.
const MAX_CLEARED: usize = 16;

/// Keys are in order of time, the earliest end first.
fn key(approver: &Did, approval: &str, until: UnixSeconds) -> Vec<u8> {
    let name = codec::sha256(format!("{approver} {approval}").as_bytes());
    [PREFIX, &until.get().to_be_bytes(), &name].concat()
}

fn end(key: &[u8]) -> Option<UnixSeconds> {
    let seconds = key.strip_prefix(PREFIX)?.first_chunk::<8>()?;
    Some(UnixSeconds::new(u64::from_be_bytes(*seconds)))
}

impl Domain {
    /// What claims the approval of a verdict, and clears claims of approvals that are past: no dates let
    /// those through again.
    pub(crate) async fn approval_claims(&self, verdict: &Verdict) -> Result<Vec<Write>, Error> {
        let claim = verdict.obligations.iter().find_map(|obligation| match obligation {
            Obligation::Once { approver, approval, until } => Some(key(approver, approval, *until)),
            _ => None,
        });
        let Some(key) = claim else { return Ok(Vec::new()) };
        let past = self.now().minus(self.policy().skew);
        let rows = self.records.scan(Table::Claims, PREFIX, None, MAX_CLEARED).await?;
        let cleared = rows.into_iter().filter(|row| end(&row.key).is_some_and(|until| until <= past));
        let cleared =
            cleared.map(|row| Write { table: Table::Claims, key: row.key, value: None, expect: Expect::Any });
        let claim = Write { table: Table::Claims, key, value: Some(vec![1]), expect: Expect::Absent };
        Ok(std::iter::once(claim).chain(cleared).collect())
    }
}

/// Takes away the obligation that was seen to.
pub(crate) fn claimed(verdict: &mut Verdict) {
    verdict.obligations.retain(|obligation| !matches!(obligation, Obligation::Once { .. }));
}
