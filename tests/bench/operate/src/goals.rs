//! What was to be reached, and whether it was.

/// On which side of its bound a number should be.
#[derive(Clone, Copy)]
pub enum Bound {
    Most(f64),
    Least(f64),
}

#[derive(Default)]
pub struct Goals(Vec<(&'static str, String, f64, Bound)>);

impl Goals {
    pub fn note(&mut self, goal: &'static str, what: impl Into<String>, is: f64, bound: Bound) {
        self.0.push((goal, what.into(), is, bound));
    }

    pub fn print(&self) {
        println!("\n{:<5} {:<92} {:>9}   {:<10} reached", "goal", "what", "measured", "bound");
        for (goal, what, is, bound) in &self.0 {
            let (bound, reached) = match bound {
                Bound::Most(most) => (format!("<= {most}"), is <= most),
                Bound::Least(least) => (format!(">= {least}"), is >= least),
            };
            let reached = if reached { "yes" } else { "NO" };
            println!("{goal:<5} {what:<92} {is:>9.3}   {bound:<10} {reached}");
        }
    }
}
