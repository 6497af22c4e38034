//! Memory that holds keys is written to no file: no core dumps, and no other process of this user reads it.

use crate::failure::{Failure, Local};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids it for this process. A dump that is given to a program ignores the limit of its size, and the attribute
/// is lost where another program is begun: so both.
///
/// # Errors
/// [`Local::Keys`] where the system does not.
pub fn forbid() -> Result<(), Failure> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let forbidden =
        setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    forbidden.map_err(|error| {
        let reason = format!("the system does not keep this process out of core dumps: {error}");
        Failure::local(
            Local::Keys,
            reason,
            "A system call filter may be in the way: let prctl and setrlimit be.",
        )
    })
}
