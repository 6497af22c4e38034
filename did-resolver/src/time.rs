//! Points in time as whole seconds of Unix time, and their RFC 3339 text form.

use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last second that RFC 3339 can write, 9999-12-31T23:59:59Z.
const LAST: u64 = 253_402_300_799;

/// Longest timestamp that is read, in bytes: nanoseconds and an offset fit.
const MAX_TEXT_BYTES: usize = 40;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted. Never past the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// Clamps to the last second of the year 9999.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(if seconds > LAST { LAST } else { seconds })
    }

    /// The number of seconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// This much later; parts of a second are dropped.
    #[must_use]
    pub const fn plus(self, by: Duration) -> Self {
        Self::new(self.0.saturating_add(by.as_secs()))
    }

    /// This much earlier, not before 1970; parts of a second are dropped.
    #[must_use]
    pub const fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by.as_secs()))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// Reads an RFC 3339 timestamp with any offset, as a `dateTimeStamp` of XML Schema has it.
    /// Parts of a second are dropped.
    ///
    /// # Errors
    /// [`TimeError`] where `text` is not such a timestamp or lies before 1970.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let upper = !text.bytes().any(|b| b.is_ascii_lowercase() || b == b' ');
        if text.len() > MAX_TEXT_BYTES || !upper {
            return Err(TimeError);
        }
        let seconds = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError)?.unix_timestamp();
        u64::try_from(seconds).ok().filter(|s| *s <= LAST).map(Self).ok_or(TimeError)
    }

    /// Reads a timestamp that must be in UTC and written with `Z`, as did:webvh asks of
    /// `versionTime`.
    ///
    /// # Errors
    /// [`TimeError`] where it is not.
    pub fn parse_utc(text: &str) -> Result<Self, TimeError> {
        if text.ends_with('Z') { Self::parse(text) } else { Err(TimeError) }
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = i64::try_from(self.0).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
        match at.and_then(|at| at.format(&Rfc3339).ok()) {
            Some(text) => f.write_str(&text),
            None => Err(fmt::Error),
        }
    }
}

/// The text is not a timestamp, or not one between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 timestamp between 1970 and 9999")
    }
}

impl std::error::Error for TimeError {}

#[cfg(test)]
mod tests;
