//! `events`: what the mesh does and refuses, as it happens, for as long as one watches.

mod stream;

use super::session::Session;
use crate::exit::Exit;
use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use std::time::Duration;
use stream::{Event, Reading};
use tokio::time::{sleep, timeout};

/// Where the node tells it.
const PATH: &str = "/v1/events";

/// First pause before a node that is gone is asked again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest such pause: who starts the node again is watched soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long a stream may be silent: three times as long as the node is.
const SILENCE: Duration = Duration::from_secs(45);

/// How a stream ended.
enum End {
    /// By the node's will: after its time, or because this program was too slow.
    Over,
    /// It broke off.
    Broken(Failure),
    /// Nobody reads what is printed.
    Unread,
}

/// Tells what happens until nobody reads it. A node that does not answer at first is a failure; one that
/// did is asked again until it does.
pub(super) async fn follow(session: &Session) -> Result<Answer, Failure> {
    let mut body = session.client()?.follow(PATH).await?;
    loop {
        match tell(&mut body, session.as_json()).await {
            End::Unread => return Ok(Answer::default()),
            End::Over => {}
            End::Broken(failure) => output::talk(&failure.reason),
        }
        body = again(session).await?;
        output::talk("Following again: what happened meanwhile is not shown.");
    }
}

/// Asks until the node answers, each time after a longer pause; at once the first time.
async fn again(session: &Session) -> Result<Incoming, Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        // A node that was started again may be at another address.
        let followed = match session.client() {
            Ok(client) => client.follow(PATH).await,
            Err(failure) => Err(failure),
        };
        match followed {
            Err(failure) if failure.exit == Exit::Unreachable => {
                output::talk(&format!("{}; asking again in {pause:?}.", failure.reason));
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            outcome => return outcome,
        }
    }
}

async fn tell(body: &mut Incoming, as_json: bool) -> End {
    let broken = |why: &str| {
        End::Broken(Failure::local(Local::NodeUnreachable, format!("the stream broke off: {why}"), ""))
    };
    let mut reading = Reading::default();
    loop {
        let bytes = match timeout(SILENCE, body.frame()).await {
            Err(_) => return broken("the node is silent"),
            Ok(None) => return broken("it ended in the middle"),
            Ok(Some(Err(error))) => return broken(&error.to_string()),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        let events = match reading.take(&bytes) {
            Ok(events) => events,
            Err(why) => return broken(why),
        };
        for event in events {
            if event.name == "end" {
                return End::Over;
            }
            let printed = if as_json { event.document().to_string() } else { output::plain(&human(&event)) };
            if output::data(&printed).is_err() {
                return End::Unread;
            }
        }
    }
}

/// One line for people.
fn human(event: &Event) -> String {
    let text = |name| output::text(&event.data, name);
    if event.name == "missed" {
        return format!("{} events were missed: this program read too slowly", text("events"));
    }
    let mut line = format!("{}  {:<12}", text("time"), event.name);
    let parts = [("", "kind"), ("", "subject"), ("#", "sequence"), ("of ", "scid"), ("from ", "peerId")];
    for (before, name) in parts.into_iter().chain([("by ", "via"), ("because ", "reason")]) {
        if event.data.get(name).is_some_and(|value| *value != Value::Null) {
            line.push_str(&format!("  {before}{}", text(name)));
        }
    }
    line
}

#[cfg(test)]
mod tests;
