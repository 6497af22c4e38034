//! What is kept of lists that contradict others: as evidence, each as it was signed, and what they revoke.

use super::lists::{Known, list_key};
use crate::domain::{Domain, put_bytes};
use crate::error::Error;
use crate::ports::records::{Expect, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::codec;
use marque_rules::replica::Refusal;
use marque_rules::replica::floor::ListFloor;
use marque_rules::replica::limits::MAX_EVIDENCE;
use vc_schemas::facts::ListKey;
use vc_schemas::status::VerifiedList;
use vc_schemas::status::bitstring::Bits;

impl Domain {
    /// Writes of what was signed of one subject and is not on record yet, up to [`MAX_EVIDENCE`] of it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) async fn evidence_writes(&self, of: &str, signed: &[&[u8]]) -> Result<Vec<Write>, Error> {
        let kept = self.records.scan(Table::Evidence, of.as_bytes(), None, MAX_EVIDENCE).await?;
        let mut kept: Vec<Vec<u8>> = kept.into_iter().map(|row| row.key).collect();
        let mut writes = Vec::new();
        for signed in signed {
            let key = format!("{of}{}", codec::to_hex(&codec::sha256(signed))).into_bytes();
            if kept.len() < MAX_EVIDENCE && !kept.contains(&key) {
                kept.push(key.clone());
                writes.push(put_bytes(Table::Evidence, key, signed.to_vec(), Expect::Absent));
            }
        }
        Ok(writes)
    }

    /// Keeps what was signed, up to [`MAX_EVIDENCE`] of a list, and what is newly revoked by it, durably.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub(crate) async fn keep_list_evidence(
        &self,
        key: &ListKey,
        known: &Known,
        overlay: Option<Bits>,
        signed: &[&[u8]],
        reason: Refusal,
    ) -> Result<(), Error> {
        let of_list = format!("list\n{}\n{}\n", key.issuer, key.url);
        let mut batch = self.evidence_writes(&of_list, signed).await?;
        if !batch.is_empty() {
            batch.push(self.entry(Decision::new(Kind::Misbehaviour, &key.url, reason.as_str()))?);
        }
        batch.extend(self.overlay_growth(key, known, overlay)?);
        if !batch.is_empty() {
            self.records.commit(batch).await?;
        }
        Ok(())
    }

    /// Writes what was ever seen revoked, where that is more than before.
    pub(crate) fn overlay_growth(
        &self,
        key: &ListKey,
        known: &Known,
        overlay: Option<Bits>,
    ) -> Result<Option<Write>, Error> {
        let grown = overlay.filter(|bits| known.ever.as_deref() != Some(bits));
        grown.map(|bits| Self::overlay_write(key, &bits, known.ever_expect)).transpose()
    }

    /// Puts a list that is accepted in the place of what is held; changes that led no further are over.
    pub(crate) fn accepted_list_writes(
        list: &VerifiedList,
        at: ListFloor,
        known: &Known,
        overlay: Option<&Bits>,
    ) -> Result<Vec<Write>, Error> {
        let overlay = overlay.map(|bits| (bits, known.ever_expect));
        let mut writes = Self::list_writes(list, at, overlay, known.floor_expect)?;
        if known.ahead.as_ref().is_some_and(|ahead| ahead.0.at <= at) {
            let key = list_key(&ListKey { issuer: list.issuer.clone(), url: list.url.clone() });
            writes.push(Write { table: Table::Ahead, key, value: None, expect: known.ahead_expect });
        }
        Ok(writes)
    }
}
