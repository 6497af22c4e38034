//! Logs that somebody is writing to.

use super::*;
use crate::disk::Machine;
use crate::engine::tests::patient;
use crate::engine::{Options, Store};
use marque_flows::ports::records::{Expect, Records as _, Table, Write};
use std::fs;

fn taken(dir: &Path) -> Result<Held, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(Machine);
    Held::take(&disk, &dir.join("log"))
}

async fn filled(dir: &Path) -> (PathBuf, u64) {
    let store = patient(|| Store::open(dir, Options::default()));
    for n in 0..5_u8 {
        let write = Write { table: Table::Logs, key: vec![n], value: Some(vec![n; 40]), expect: Expect::Any };
        store.commit(vec![write]).await.unwrap();
    }
    store.close().await;
    let path = dir.join("log/00000000000000000001.seg");
    let length = fs::metadata(&path).unwrap().len();
    (path, length)
}

//
#[tokio::test]
async fn what_is_half_written_at_the_end_is_left_out_and_what_is_broken_before_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (path, length) = filled(dir.path()).await;
    assert_eq!(taken(dir.path()).unwrap().size(), (1, length));
    let whole = fs::read(&path).unwrap();
    let frame = (length - 40) / 5;
    fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    assert_eq!(taken(dir.path()).unwrap().size(), (1, length - frame));
    let mut broken = whole;
    broken[60] ^= 1;
    fs::write(&path, broken).unwrap();
    assert!(matches!(taken(dir.path()), Err(OpenError::Damaged { offset: 40, .. })));
}
