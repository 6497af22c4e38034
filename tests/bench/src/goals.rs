//! What was to be reached, and whether it was.

use std::fmt::Write as _;

/// On which side of its bound a ratio should be.
#[derive(Clone, Copy)]
pub enum Bound {
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
}

/// The goals of what was run, in order.
#[derive(Default)]
pub struct Goals(Vec<(&'static str, String, f64, Bound)>);

impl Goals {
    /// Notes a ratio, and the bound that it was to keep.
    pub fn note(&mut self, goal: &'static str, what: impl Into<String>, ratio: f64, bound: Bound) {
        self.0.push((goal, what.into(), ratio, bound));
    }

    /// Prints them as a table.
    pub fn print(&self) {
        let mut out =
            format!("\n{:<5} {:<104} {:>9}   {:<10} reached\n", "goal", "ratio of", "measured", "bound");
        for (goal, what, ratio, bound) in &self.0 {
            let (bound, reached) = match bound {
                Bound::Most(most) => (format!("<= {most}"), ratio <= most),
                Bound::Least(least) => (format!(">= {least}"), ratio >= least),
            };
            let reached = if reached { "yes" } else { "NO" };
            let _ = writeln!(out, "{goal:<5} {what:<104} {ratio:>9.3}   {bound:<10} {reached}");
        }
        print!("{out}");
    }
}
