//! The first owner: the organisation itself. Every agent has an owner, so there is one from the start.

use super::flow_failure;
use crate::data::{Data, Kind};
use crate::failure::Failure;
use crate::files;
use crate::identity::{self, Keys};
use crate::signing::{self, ASSERTION, NEXT_UPDATE, P256, UPDATE};
use crate::wallet::{Lock, Wallet};
use marque_flows::domain::Domain;
use marque_flows::members::NewMember;
use marque_rules::issuance::MemberKind;
use marque_store::keyfile::{Kdf, KeyFile};
use marque_store::secret::Passphrase;
use vc_schemas::claims::OwnerKind;

/// Its name in every domain.
const NAME: &str = "organization";

/// Registers the organisation, unless it is registered. Its keys are a file of their own, like those of
/// any owner, under the passphrase of the node.
///
/// # Errors
/// [`crate::failure::Local::Keys`], [`crate::failure::Local::File`], or a refusal of the domain.
pub(super) async fn register(
    domain: &Domain,
    data: &Data,
    passphrase: &Passphrase,
    kdf: Kdf,
) -> Result<(), Failure> {
    let registered = domain.has_member(MemberKind::Owner, NAME).await;
    if registered.map_err(|error| flow_failure(&error))? {
        return Ok(());
    }
    let lock = Lock::take(data)?;
    let path = data.party_keys(Kind::Owner, NAME);
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    // An earlier start may have been cut off between the keys and the registration.
    let keys = if path.exists() {
        KeyFile::open(&path, passphrase).map_err(|error| signing::keys(&error))?
    } else {
        let mut keys = KeyFile::create(&path, passphrase, kdf).map_err(|error| signing::keys(&error))?;
        for role in [ASSERTION, P256, UPDATE, NEXT_UPDATE] {
            signing::make(&mut keys, role)?;
        }
        keys.save().map_err(|error| signing::keys(&error))?;
        keys
    };
    let new = Keys {
        assertion: signing::key(&keys, ASSERTION)?.public(),
        p256: signing::key(&keys, P256)?.public(),
        update: signing::key(&keys, UPDATE)?,
        next_update: signing::key(&keys, NEXT_UPDATE)?.public(),
    };
    let now = signing::now();
    let log = identity::genesis(&domain.home.label, &[Kind::Owner.plural(), NAME], new, now)?;
    let nonce = domain.new_nonce().map_err(|error| flow_failure(&error))?;
    let document = log.document().ok_or_else(|| Failure::of(vc_schemas::code::Code::Internal))?;
    let asked = (&domain.home.did, nonce.as_str());
    let proof = identity::possession(document, signing::key(&keys, ASSERTION)?, asked, now)?;
    let owner = NewMember::Owner(OwnerKind::Organization);
    let (_, credential) = domain
        .register(NAME, owner, log.bytes(), proof.bytes())
        .await
        .map_err(|error| flow_failure(&error))?;
    let mut wallet = Wallet::new(log);
    wallet.credential = credential;
    wallet.save(data, Kind::Owner, NAME, &lock)
}
