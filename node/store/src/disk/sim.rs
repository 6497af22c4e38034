//! A disk of a test: it keeps apart what the kernel holds and what would be there after a loss of power,
//! and does harm at the operation that it is told.
//!
//! After a synchronisation that failed the kernel holds the pages as clean, as Linux does: what was
//! written still reads back, no later synchronisation writes it, and a loss of power takes it.

use super::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What power takes in one piece.
const SECTOR: usize = 512;

/// What an operation does to the disk, for choosing where to harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Create,
    Write,
    SetLength,
    Sync,
    Rename,
    Remove,
    SyncDir,
}

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// It answers an error, once. A write may have left a part behind; a synchronisation gives up pages.
    Error,
    /// From then on there is no room: writes leave a part behind, nothing is created.
    Full,
    /// From then on nothing may be changed.
    ReadOnly,
    /// The process dies: nothing further reaches the kernel.
    Kill,
    /// Power is lost.
    Power,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    held: Vec<u8>,
    durable: Vec<u8>,
    dirty: Vec<Change>,
}

#[derive(Debug)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names since the last synchronisation of their folder, each of one operation.
    pending: Vec<Vec<(PathBuf, Option<usize>)>>,
    inodes: Vec<Inode>,
    operations: Vec<Operation>,
    harm: Option<(usize, Harm)>,
    /// What no operation gets by any more.
    dead: Option<Harm>,
    boot: u64,
    random: u64,
}

/// A disk. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Sim(Arc<Mutex<State>>);

#[derive(Debug)]
struct SimFile {
    disk: Sim,
    inode: usize,
    boot: u64,
    /// A synchronisation of this handle failed.
    gave_up: Mutex<bool>,
}

impl State {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn chance(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    fn upto(&mut self, most: usize) -> usize {
        usize::try_from(self.next()).unwrap() % (most + 1)
    }

    /// Whether an operation that leaves nothing behind where it fails may go on.
    fn may(&mut self, operation: Operation) -> io::Result<()> {
        self.meets(operation).map_or(Ok(()), |harm| Err(error(harm)))
    }

    /// What is to happen to the operation that comes now.
    fn meets(&mut self, operation: Operation) -> Option<Harm> {
        let now = self.operations.len();
        self.operations.push(operation);
        if self.dead.is_some() {
            return self.dead;
        }
        let harm = self.harm.filter(|(at, _)| *at == now).map(|(_, harm)| harm);
        if matches!(harm, Some(Harm::Power)) {
            self.lose_power();
        }
        if harm.is_some() && harm != Some(Harm::Error) {
            self.dead = harm;
        }
        harm
    }

    fn lose_power(&mut self) {
        for at in 0..self.inodes.len() {
            self.lose_dirty(at);
            let inode = &mut self.inodes[at];
            inode.held = inode.durable.clone();
        }
        // A journal keeps names in the order in which they were changed; without one some reach the disk.
        let (journal, reached) = (self.chance(), self.upto(self.pending.len()));
        for (at, change) in std::mem::take(&mut self.pending).into_iter().enumerate() {
            if if journal { at < reached } else { self.chance() } {
                self.keep_names(change);
            }
        }
        self.names = self.durable_names.clone();
        self.boot += 1;
    }

    fn keep_names(&mut self, change: Vec<(PathBuf, Option<usize>)>) {
        for (name, inode) in change {
            match inode {
                Some(inode) => drop(self.durable_names.insert(name, inode)),
                None => drop(self.durable_names.remove(&name)),
            }
        }
    }

    /// Some sectors of what is not synchronised reach the disk, in any order; the others never do.
    fn lose_dirty(&mut self, at: usize) {
        let mut pieces = Vec::new();
        for change in std::mem::take(&mut self.inodes[at].dirty) {
            match change {
                Change::Length(_) => pieces.push(change),
                Change::Write(mut offset, bytes) => {
                    let mut bytes = &bytes[..];
                    while !bytes.is_empty() {
                        let (sector, rest) = bytes.split_at(bytes.len().min(SECTOR - offset % SECTOR));
                        pieces.push(Change::Write(offset, sector.to_vec()));
                        offset += sector.len();
                        bytes = rest;
                    }
                }
            }
        }
        for _ in 0..pieces.len() {
            let (a, b) = (self.upto(pieces.len() - 1), self.upto(pieces.len() - 1));
            pieces.swap(a, b);
        }
        // All, none, or some of them.
        let kind = self.upto(3);
        for piece in pieces {
            if kind == 0 || (kind > 1 && self.chance()) {
                apply(&mut self.inodes[at].durable, piece);
            }
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: Change) {
    match change {
        Change::Length(length) => bytes.resize(length, 0),
        Change::Write(offset, new) => {
            if bytes.len() < offset + new.len() {
                bytes.resize(offset + new.len(), 0);
            }
            bytes[offset..offset + new.len()].copy_from_slice(&new);
        }
    }
}

fn error(harm: Harm) -> io::Error {
    match harm {
        Harm::Error => io::Error::from_raw_os_error(5),
        Harm::Full => io::ErrorKind::StorageFull.into(),
        Harm::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
        Harm::Kill | Harm::Power => io::Error::other("the process is gone"),
    }
}

impl Sim {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending: Vec::new(),
            inodes: Vec::new(),
            operations: Vec::new(),
            harm: None,
            dead: None,
            boot: 1,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Does `harm` at the operation with this number, counted from 0 since the disk is there.
    pub(crate) fn harm(&self, at: usize, harm: Harm) {
        self.state().harm = Some((at, harm));
    }

    /// What was done so far.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    /// Whether what is held can be read: the process lives, and the machine has power.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self.state().dead, Some(Harm::Kill | Harm::Power))
    }

    /// The fault is mended, the machine is up.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        (state.dead, state.harm) = (None, None);
    }

    /// Power is lost now, and back.
    pub(crate) fn cycle_power(&self) {
        self.state().lose_power();
    }

    fn opened(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.state();
        if let Some(harm @ (Harm::Kill | Harm::Power)) = state.dead {
            return Err(error(harm));
        }
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        let (disk, boot) = (self.clone(), state.boot);
        Ok(Box::new(SimFile { disk, inode, boot, gave_up: Mutex::new(false) }))
    }
}

impl Disk for Sim {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let within = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(within.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.state().names.keys().any(|name| name.starts_with(path))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        {
            let mut state = self.state();
            state.may(Operation::Create)?;
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let inode = state.inodes.len();
            state.inodes.push(Inode::default());
            state.names.insert(path.to_owned(), inode);
            state.pending.push(vec![(path.to_owned(), Some(inode))]);
        }
        self.opened(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.opened(path)
    }

    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.opened(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may(Operation::Rename)?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        state.pending.push(vec![(to.to_owned(), Some(inode)), (from.to_owned(), None)]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may(Operation::Remove)?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.pending.push(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may(Operation::SyncDir)?;
        let pending = std::mem::take(&mut state.pending);
        let (now, later) = pending.into_iter().partition(|change| change[0].0.parent() == Some(dir));
        state.pending = later;
        Vec::into_iter(now).for_each(|change| state.keep_names(change));
        Ok(())
    }

    fn boot(&self) -> Option<String> {
        Some(self.state().boot.to_string())
    }
}

impl SimFile {
    fn change(&self, operation: Operation, change: Change) -> io::Result<()> {
        let mut state = self.disk.state();
        let harm = state.meets(operation);
        if let Some(harm @ (Harm::Kill | Harm::Power)) = harm {
            return Err(error(harm));
        }
        assert_eq!(state.boot, self.boot, "a handle outlived the machine");
        assert!(!*self.gave_up.lock().unwrap(), "written to after a synchronisation failed");
        let mut change = change;
        if let (Some(Harm::Error | Harm::Full), Change::Write(_, bytes)) = (harm, &mut change) {
            let part = state.upto(bytes.len());
            bytes.truncate(part);
        } else if let Some(harm) = harm {
            return Err(error(harm));
        }
        let inode = &mut state.inodes[self.inode];
        apply(&mut inode.held, change.clone());
        inode.dirty.push(change);
        harm.map_or(Ok(()), |harm| Err(error(harm)))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let harm = state.meets(Operation::Sync);
        if let Some(harm @ (Harm::Kill | Harm::Power)) = harm {
            return Err(error(harm));
        }
        assert_eq!(state.boot, self.boot, "a handle outlived the machine");
        let mut gave_up = self.gave_up.lock().unwrap();
        assert!(!*gave_up, "synchronised again after a synchronisation failed");
        if let Some(harm) = harm {
            state.lose_dirty(self.inode);
            *gave_up = true;
            return Err(error(harm));
        }
        let inode = &mut state.inodes[self.inode];
        for change in std::mem::take(&mut inode.dirty) {
            apply(&mut inode.durable, change);
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].held.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let held = state.inodes[self.inode].held.get(usize::try_from(offset).unwrap()..);
        let held = held.unwrap_or_default();
        let length = held.len().min(bytes.len());
        bytes[..length].copy_from_slice(&held[..length]);
        Ok(length)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Operation::Write, Change::Write(usize::try_from(offset).unwrap(), bytes.to_vec()))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.change(Operation::SetLength, Change::Length(usize::try_from(length).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}
