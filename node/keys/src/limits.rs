//! Bounds.

use std::time::Duration;

/// How long a token may take for one answer. One in the network takes milliseconds; a card that makes a key, seconds.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Most questions that wait for a token at once: a second's work of a slow one. One more is refused at once.
pub const MAX_WAITING: usize = 64;

/// How long the end of the program waits for a token to be let go of: what one call takes, and less than an operator
/// notices where it never answers.
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// How long a token that was lost is left alone before it is looked for again.
pub const RETURN_PAUSE: Duration = Duration::from_secs(1);

/// How long somebody who is asked to unlock a keyring has.
pub const PROMPT_SECONDS: u64 = 60;
