//! What a worker may use.

use std::time::Duration;

/// How long one question may take. An honest credential takes a few milliseconds, a hundred times that in
/// a program that is not optimised; the rest is for a machine with other work.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// How long a worker may take to say that it is there.
pub const START_WITHIN: Duration = Duration::from_secs(10);

/// How long a question waits altogether, others before it included: well within the 30 seconds of a
/// request.
pub const PATIENCE: Duration = Duration::from_secs(12);

/// Most questions that wait. More would not be answered in time if each took as long as it may.
pub const MAX_WAITING: usize = 16;

/// Processor time of one worker, all its questions together; it is replaced before an honest question
/// can be the one that exceeds it.
pub const CPU_TIME: Duration = Duration::from_secs(30);

/// Address space of a worker: its program, its contexts, and what 256 KiB of JSON become as statements.
pub const MAX_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Longest answer. The longest there is is a hash of 96 bytes, or a reason.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// Longest question: see the worker.
pub(crate) const MAX_QUESTION_BYTES: usize = 1024 * 1024;

/// Longest file of contexts: all of it goes with each question.
pub const MAX_CONTEXTS_BYTES: usize = 128 * 1024;

/// The pause before a worker that failed is started again; doubled each time, up to [`MAX_PAUSE`].
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// See [`FIRST_PAUSE`].
pub(crate) const MAX_PAUSE: Duration = Duration::from_secs(30);
